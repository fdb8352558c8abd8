package consumers_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

const benchBytes = 1024

// load fills QUERIES with n messages of 1 KB.
func load(b *testing.B, js jetstream.JetStream, n int) {
	b.Helper()
	p := publisher(b, js)
	data := make([]byte, benchBytes)
	for from := 0; from < n; from += 1000 {
		var msgs []streams.Message
		for i := from; i < min(n, from+1000); i++ {
			msgs = append(msgs, streams.Message{Subject: "queries.asked.bench", ID: strconv.Itoa(i), Data: data})
		}
		if _, err := p.Publish(b.Context(), msgs); err != nil {
			b.Fatal(err)
		}
	}
}

func publisher(tb testing.TB, js jetstream.JetStream) *streams.Publisher {
	tb.Helper()
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkRaw publishes, consumes and acknowledges 1 KB messages at once with the client library alone:
// what a runner with a stage that does nothing is measured against.
func BenchmarkRaw(b *testing.B) {
	js := natstest.Log(b)
	load(b, js, b.N)
	cons, err := js.CreateOrUpdateConsumer(b.Context(), streams.StreamQueries, jetstream.ConsumerConfig{
		Durable: "raw", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1 << 16,
	})
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, benchBytes)
	out, err := jetstream.New(js.Conn(), jetstream.WithPublishAsyncMaxPending(2048), jetstream.WithPublishAsyncTimeout(30*time.Second))
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	var both sync.WaitGroup
	both.Go(func() {
		for i := range b.N {
			m := &nats.Msg{Subject: "answers.said.p." + strconv.Itoa(i) + ".a", Data: data}
			if _, err := out.PublishMsgAsync(m, jetstream.WithMsgID(strconv.Itoa(i)), jetstream.WithStallWait(time.Minute)); err != nil {
				b.Error(err)
				return
			}
		}
		<-out.PublishAsyncComplete()
	})
	both.Go(func() {
		for got := 0; got < b.N; {
			batch, err := cons.FetchNoWait(256)
			if err != nil {
				b.Error(err)
				return
			}
			for m := range batch.Messages() {
				got++
				if err := m.Ack(); err != nil {
					b.Error(err)
				}
			}
		}
	})
	both.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// run runs a stage until n messages are acknowledged.
func runFor(b *testing.B, js jetstream.JetStream, stage consumers.Stage, n int) *consumers.Runner {
	b.Helper()
	var acked atomic.Int64
	all := make(chan struct{})
	r, err := consumers.New(consumers.Config{Stage: stage, JS: js, Observe: func(s consumers.Settled) {
		if s.Class == "" && acked.Add(1) == int64(n) {
			close(all)
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-all
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return r
}

func benchStage(concurrency int) consumers.Stage {
	return consumers.Stage{
		Name: "bench", Version: "v1", Concurrency: concurrency, Deadline: time.Minute, Attempts: 3,
		Inputs: []consumers.Input{{Stream: streams.StreamQueries, Durable: "bench-v1"}},
	}
}

// BenchmarkRunner copies messages: one in, one out, confirmed, then acknowledged.
func BenchmarkRunner(b *testing.B) {
	for _, c := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("handler/%d", c), func(b *testing.B) {
			js := natstest.Log(b)
			load(b, js, b.N)
			stage := benchStage(c)
			stage.Handler = handlerFunc(func(_ context.Context, in streams.Message) ([]streams.Message, error) {
				return []streams.Message{copyOf(in)}, nil
			})
			b.ResetTimer()
			runFor(b, js, stage, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
	b.Run("batch/256", func(b *testing.B) {
		js := natstest.Log(b)
		load(b, js, b.N)
		stage := benchStage(256)
		var calls atomic.Int64
		stage.Batch = batchFunc(func(_ context.Context, in []streams.Message) []streams.Result {
			calls.Add(1)
			results := make([]streams.Result, len(in))
			for i := range in {
				results[i].Out = []streams.Message{copyOf(in[i])}
			}
			return results
		})
		b.ResetTimer()
		runFor(b, js, stage, b.N)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		b.ReportMetric(float64(b.N)/float64(calls.Load()), "msg/batch")
	})
}

// BenchmarkSlowHandler has 500 ms of work at concurrency 64: 128 a second would be perfect.
func BenchmarkSlowHandler(b *testing.B) {
	const each, concurrency = 500 * time.Millisecond, 64
	js := natstest.Log(b)
	load(b, js, b.N)
	stage := benchStage(concurrency)
	stage.Handler = handlerFunc(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		timer := time.NewTimer(each)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C:
		}
		return []streams.Message{copyOf(in)}, nil
	})
	b.ResetTimer()
	runFor(b, js, stage, b.N)
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds()/(concurrency/each.Seconds()), "%ideal")
	runtime.KeepAlive(js)
}
