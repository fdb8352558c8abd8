package bench

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

func startServer(tb testing.TB) *streams.Server {
	tb.Helper()
	s, err := streams.StartServer(tb.Context(), streams.ServerOptions{StoreDir: tb.TempDir(), Port: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Shutdown)
	return s
}

func TestRawLoadMovesEveryMessageOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r, err := newRawLoad(func(name string) (*nats.Conn, error) {
		return streams.Connect(s.URL(), streams.ConnectOptions{Name: name})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for range 2 {
		if err := r.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		speed, err := r.run(t.Context(), 3000)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%.0f messages/s", speed)
		info, err := r.consumer.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.Delivered.Stream != 3000 || info.NumRedelivered != 0 || info.NumPending != 0 {
			t.Errorf("after 3000 messages: delivered up to %d, redelivered %d, pending %d",
				info.Delivered.Stream, info.NumRedelivered, info.NumPending)
		}
		if err := r.drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.publish.Stream(t.Context(), rawStream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("after a turn its stream is still there: %v", err)
		}
	}
}

func BenchmarkRawLoad(b *testing.B) {
	s := startServer(b)
	r, err := newRawLoad(func(name string) (*nats.Conn, error) {
		return streams.Connect("", streams.ConnectOptions{Name: name, InProcess: s})
	})
	if err != nil {
		b.Fatal(err)
	}
	defer r.close()
	if err := r.open(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	speed, err := r.run(b.Context(), b.N)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(speed, "msgs/s")
}
