package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/natstest"
	"sluice/streams"
)

func TestALogThatHangsUpAsItIsGreetedIsWaitedFor(t *testing.T) {
	p := newProgram(t)
	server := natstest.Start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	greeted := 0
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if greeted++; greeted <= 2 {
				_ = c.Close()
				continue
			}
			behind, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
			if err != nil {
				_ = c.Close()
				continue
			}
			serving.Go(func() { _, _ = io.Copy(behind, c); _ = behind.Close() })
			serving.Go(func() { _, _ = io.Copy(c, behind); _ = c.Close() })
		}
	})
	p.env["NATS_URL"] = "nats://" + l.Addr().String()
	log, err := p.opened().openLog(t.Context(), "looker", toLook)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	if _, err := p.opened().openLog(t.Context(), "looker", toLook); err == nil || !strings.Contains(err.Error(), "is a NATS server with JetStream there?") {
		t.Errorf("where nobody is: %v", err)
	}
}

func TestAProcessThatJoinsALogLeavesItsBoundsToWhoRunsIt(t *testing.T) {
	p := newProgram(t)
	p.withLog(func(ctx context.Context, l *openedLog) {
		bounds := func() (time.Duration, int64) {
			t.Helper()
			s, err := l.JS.Stream(ctx, streams.StreamQueries)
			if err != nil {
				t.Fatal(err)
			}
			return s.CachedInfo().Config.MaxAge, s.CachedInfo().Config.MaxBytes
		}
		for what, want := range map[use]int64{toRun: 1 << 20, toApply: -1} {
			joined, err := p.opened("nats.max_age=36h").openLog(ctx, "joiner", what)
			if err != nil {
				t.Fatal(err)
			}
			age, bytes := bounds()
			if bytes != want || (age == 36*time.Hour) != (what == toApply) {
				t.Errorf("after use %d: kept for %s, %d bytes", what, age, bytes)
			}
			if err := errors.Join(joined.Close(), p.opened("nats.max_bytes=1048576").applyStreams(ctx, l.JS)); err != nil {
				t.Fatal(err)
			}
		}
	}, "nats.max_bytes=1048576")
}
