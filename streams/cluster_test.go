package streams_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

func TestCluster(t *testing.T) {
	c := natstest.StartCluster(t, 3)
	natstest.Apply(t, c.JetStream(), c.Options())
	t.Run("a fact is stored once whoever publishes it", func(t *testing.T) { storedOnce(t, c) })
	t.Run("a read is fresh or stale and never wrong", func(t *testing.T) { freshOrStale(t, c) })
	t.Run("losing a node in mid-flow loses no message", func(t *testing.T) { loseANode(t, c) })
}

func storedOnce(t *testing.T, c *natstest.Cluster) {
	t.Helper()
	const facts, copies = 300, 4
	var fresh atomic.Int64
	var all sync.WaitGroup
	for i := range copies {
		js := c.Node(i % 3).JetStream()
		p := publisher(t, js, streams.PublisherOptions{})
		for part := range 10 {
			all.Go(func() {
				for k := part; k < facts; k += 10 {
					subject := "answers.said.p1.k" + strconv.Itoa(k) + ".a"
					acks, err := p.Publish(t.Context(), []streams.Message{{Subject: subject, ID: subject, Data: []byte(strconv.Itoa(i))}})
					if err != nil {
						t.Error(err)
						return
					}
					if acks[0].New {
						fresh.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if n := messagesIn(t, c.JetStream(), streams.StreamAnswers); n != facts || fresh.Load() != facts {
		t.Errorf("%d stored and %d new, want %d", n, fresh.Load(), facts)
	}
}

func loseANode(t *testing.T, c *natstest.Cluster) {
	t.Helper()
	js := c.JetStream()
	p := publisher(t, js, streams.PublisherOptions{MaxPending: 32})
	s, err := js.Stream(t.Context(), streams.StreamVerdicts)
	if err != nil {
		t.Fatal(err)
	}
	leader := atoi(t, s.CachedInfo().Cluster.Leader[1:]) - 1
	const facts = 3000
	third, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for k := range facts {
			if k == facts/3 {
				close(third)
			}
			subject := "verdicts.given.j.p1.k" + strconv.Itoa(k) + ".a"
			if _, err := p.Publish(t.Context(), []streams.Message{{Subject: subject, ID: subject, Data: []byte("x")}}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	<-third
	c.Node(leader).Stop()
	c.Node(leader).Start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := messagesIn(t, js, streams.StreamVerdicts); n != facts {
		t.Errorf("%d stored, want %d", n, facts)
	}
}

func freshOrStale(t *testing.T, c *natstest.Cluster) {
	t.Helper()
	var stale atomic.Int64
	var all sync.WaitGroup
	for i := range 6 {
		js := c.Node(i % 3).JetStream()
		p, l := publisher(t, js, streams.PublisherOptions{}), latest(t, c.Node((i+1)%3).JetStream())
		all.Go(func() {
			for k := range 150 {
				subject := "labels.drawn.p" + strconv.Itoa(i) + ".k" + strconv.Itoa(k) + ".a"
				acks, err := p.Publish(t.Context(), []streams.Message{{Subject: subject, ID: subject, Data: []byte("x")}})
				if err != nil || !acks[0].New {
					t.Errorf("%+v, %v", acks, err)
					return
				}
				got, err := l.GetAsOf(t.Context(), streams.StreamLabels, []string{subject}, subject, acks[0].Sequence)
				switch {
				case sluice.ClassOf(err) == sluice.ClassStale:
					stale.Add(1)
				case err != nil || len(got) != 1:
					t.Errorf("a fresh read misses %s: %v", subject, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d of 900 reads right after their confirmation were stale", stale.Load())
}
