package natstest_test

import (
	"testing"

	"sluice/internal/natstest"
)

// The server refuses routes between clusters of different names.
func TestNoTwoClustersHaveOneName(t *testing.T) {
	t.Parallel()
	first, second := natstest.ClusterName(), natstest.ClusterName()
	if first == second {
		t.Errorf("two clusters are both named %s, and become one where they come by each other's ports", first)
	}
}
