package config

import (
	"fmt"
	"strings"
	"testing"

	"sluice"
)

func TestATrainingThatCouldNotEndIsNotConfigured(t *testing.T) {
	set := func(n int) error {
		_, err := Load(file(t, ""), env(nil), []string{fmt.Sprintf("training.min_train=%d", n)})
		return err
	}
	if err := set(sluice.FewestTrainExamples); err != nil {
		t.Errorf("the fewest that a router is made of: %v", err)
	}
	if err := set(sluice.FewestTrainExamples - 1); err == nil || !strings.Contains(err.Error(), "training.min_train") || !strings.Contains(err.Error(), "begin and fail") {
		t.Errorf("one less: %v", err)
	}
}
