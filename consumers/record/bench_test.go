package record_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/consumers/record"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
	"sluice/streams"
)

// BenchmarkRecord writes the facts of whole queries, a stream after the other in batches of 500, as a
// recorder that keeps up would meet them. One operation is one fact; it reports what of its CPU is ours
// and what is Postgres's.
func BenchmarkRecord(b *testing.B) {
	const perQuery, batch = 13, 500
	c := pgtest.Cluster(b)
	store, err := postgres.OpenRecorder(b.Context(), c.URL(""), 1)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	h := record.New(store, 0, time.Now)
	w := world.Numbered(b, b.N/perQuery+1)
	var batches [][]streams.Message
	const queries = 500 // of which all facts are written before the next ones'
	byStream := map[string][]streams.Message{}
	for _, in := range record.Inputs() {
		byStream[in.Stream] = w.Of(in.Stream)
	}
	per := map[string]int{streams.StreamAnswers: 2, streams.StreamVerdicts: 2, streams.StreamCalls: 5}
	for len(byStream[streams.StreamAccepted]) > 0 {
		for _, in := range record.Inputs() {
			for range max(per[in.Stream], 1) {
				n := min(queries, batch, len(byStream[in.Stream]))
				if n > 0 {
					batches = append(batches, byStream[in.Stream][:n])
				}
				byStream[in.Stream] = byStream[in.Stream][n:]
			}
		}
	}
	measure(b, h, c.PID(), batches)
}

// BenchmarkRecordMixed writes the facts of whole queries in the order in which they were made, all kinds in every
// batch, as a recorder under load meets them: all numbered by the log, or some by the tables, so that every batch is
// sifted.
func BenchmarkRecordMixed(b *testing.B) {
	for _, size := range []int{500, 1000, 2000, 4000} {
		for name, facts := range map[string]func(testing.TB, int) *world.World{"": world.Numbered, "/sifted": world.New} {
			b.Run(strconv.Itoa(size)+name, func(b *testing.B) { mixed(b, size, facts) })
		}
	}
}

func mixed(b *testing.B, size int, facts func(testing.TB, int) *world.World) {
	b.Helper()
	const perQuery = 13
	c := pgtest.Cluster(b)
	store, err := postgres.OpenRecorder(b.Context(), c.URL(""), 1)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	w := facts(b, b.N/perQuery+1)
	measure(b, record.New(store, 0, time.Now), c.PID(), slices.Collect(slices.Chunk(w.Messages, size)))
}

// measure records batches, and reports what of the CPU time of a fact is ours and what is Postgres's.
func measure(b *testing.B, h *record.Handler, postgresPID int, batches [][]streams.Message) {
	b.Helper()
	postgresBefore, oursBefore := cpuOfChildren(b, postgresPID), ourCPU(b)
	b.ResetTimer()
	facts := 0
	for _, in := range batches {
		facts += len(in)
		for i, r := range h.HandleBatch(b.Context(), in) {
			if r.Err != nil {
				b.Fatalf("%s: %v", in[i].Subject, r.Err)
			}
		}
	}
	b.StopTimer()
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(facts) }
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
	b.ReportMetric(us(ourCPU(b)-oursBefore), "us-ours/fact")
	b.ReportMetric(us(cpuOfChildren(b, postgresPID)-postgresBefore), "us-postgres/fact")
}

func BenchmarkDecode(b *testing.B) { // one operation is 100 queries
	w := world.New(b, 100)
	h := record.New(nowhere{}, 0, time.Now)
	b.ResetTimer()
	for b.Loop() {
		h.HandleBatch(b.Context(), w.Messages)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(w.Messages)), "ns/fact")
}

func ourCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOfChildren is what the server's processes have used, in the kernel's ticks of 10 ms.
func cpuOfChildren(b *testing.B, parent int) time.Duration {
	b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	var ticks int
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		f := strings.Fields(rest)
		if len(f) < 13 || f[1] != strconv.Itoa(parent) {
			continue
		}
		user, err1 := strconv.Atoi(f[11])
		system, err2 := strconv.Atoi(f[12])
		if err1 != nil || err2 != nil {
			b.Fatalf("%s: %q", path, data)
		}
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
