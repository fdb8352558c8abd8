package bulkhead

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAPanicBecomesAnErrorThatLogCounterAndAlertHearOf(t *testing.T) {
	var log bytes.Buffer
	b := New(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
	var alerted []string
	b.Alert(func(work, message string) { alerted = append(alerted, work+": "+message) })
	err := b.Contain("watch of rules", func() error { panic("out of cheese") })
	if err == nil || !strings.Contains(err.Error(), "watch of rules") || !strings.Contains(err.Error(), "out of cheese") {
		t.Errorf("error: %v", err)
	}
	if !strings.Contains(log.String(), "out of cheese") || !strings.Contains(log.String(), "bulkhead_test.go") {
		t.Errorf("the log has no stack: %s", &log)
	}
	if len(alerted) != 1 || !strings.Contains(alerted[0], "out of cheese") {
		t.Errorf("alerts: %v", alerted)
	}
	if n := b.Counts()["watch of rules"]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestWhatDoesNotPanicPassesAsItIs(t *testing.T) {
	b, want := New(slog.New(slog.DiscardHandler), time.Now), errors.New("away")
	if err := b.Contain("look", func() error { return want }); !errors.Is(err, want) {
		t.Errorf("error: %v", err)
	}
	if err := b.Contain("look", func() error { return nil }); err != nil || len(b.Counts()) != 0 {
		t.Errorf("error %v, counts %v", err, b.Counts())
	}
}

func TestAnAlertThatPanicsEndsNothing(t *testing.T) {
	var log bytes.Buffer
	b := New(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
	b.Alert(func(string, string) { panic("no pen") })
	if err := b.Contain("look", func() error { panic("first") }); err == nil || !strings.Contains(log.String(), "no pen") {
		t.Errorf("error %v, log %s", err, &log)
	}
}

func TestWithoutAnybodyToTellAPanicGoesOn(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was swallowed")
		}
	}()
	var b *Bulkhead
	_ = b.Contain("look", func() error { panic("first") })
}

func TestAWorkThatKeepsPanickingIsCountedEachTimeAndToldNowAndThen(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	b := New(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	alerts := 0
	b.Alert(func(string, string) { alerts++ })
	for range 100 {
		_ = b.Contain("look", func() error { panic("again") })
	}
	_ = b.Contain("another", func() error { panic("first") })
	now = now.Add(tellEvery)
	_ = b.Contain("look", func() error { panic("again") })
	if n := b.Counts()["look"]; n != 101 {
		t.Errorf("counted %d", n)
	}
	if told := strings.Count(log.String(), "panicked"); told != 3 || alerts != 3 || !strings.Contains(log.String(), "so_far=101") {
		t.Errorf("told %d times, %d alerts", told, alerts)
	}
}
