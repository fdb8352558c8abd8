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

// Of so many that are drawn, two are the same unless each is kept.
func TestNoPortIsGivenTwice(t *testing.T) {
	t.Parallel()
	given := map[int]bool{}
	for range 500 {
		port := natstest.FreePort(t)
		if given[port] {
			t.Fatalf("port %d is somebody's already", port)
		}
		given[port] = true
	}
}
