package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"sluice/internal/natstest"
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
