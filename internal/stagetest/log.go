// Package stagetest stands in for the log and the models in tests of single stages: no server, no
// network, and every read and call on record. The stages' tests with the real ones are in
// consumers/label (the log) and internal/acceptance (everything).
package stagetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/streams"
)

// Log is a log of streams that hold one message a subject. The zero value is empty and ready.
type Log struct {
	// Fail, where set, is what every read returns.
	Fail error
	// Behind is how many of the youngest messages of a stream reads don't see: a replica that lags.
	Behind int

	mu      sync.Mutex
	streams map[string][]streams.Message
	reads   int
}

// streamOf maps the first token of a subject to its stream.
var streamOf = map[string]string{
	"queries": streams.StreamAccepted, "answers": streams.StreamAnswers, "verdicts": streams.StreamVerdicts,
	"labels": streams.StreamLabels, "analyses": streams.StreamAnalyses, "examples": streams.StreamExamples,
	"calls": streams.StreamCalls, "retries": streams.StreamRetries,
}

// Publish stores messages as the runner would: a second message of a subject changes nothing.
func (l *Log) Publish(msgs ...streams.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams == nil {
		l.streams = map[string][]streams.Message{}
	}
	for _, m := range msgs {
		prefix, _, _ := strings.Cut(m.Subject, ".")
		stream := streamOf[prefix]
		if stream == "" {
			panic(fmt.Sprintf("stagetest: %s belongs to no stream", m.Subject))
		}
		if _, found := l.find(stream, m.Subject); found {
			continue
		}
		m.Stream, m.Sequence, m.Deliveries = stream, uint64(len(l.streams[stream])+1), 1
		m.StoredAt = time.Unix(int64(1_800_000_000+m.Sequence), 0).UTC()
		l.streams[stream] = append(l.streams[stream], m)
	}
}

func (l *Log) find(stream, subject string) (streams.Message, bool) {
	for _, m := range l.streams[stream] {
		if m.Subject == subject {
			return m, true
		}
	}
	return streams.Message{}, false
}

// Messages lists a stream in order.
func (l *Log) Messages(stream string) []streams.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]streams.Message(nil), l.streams[stream]...)
}

// Reads counts the reads so far.
func (l *Log) Reads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// Get is streams.Latest's.
func (l *Log) Get(_ context.Context, stream string, subjects ...string) (map[string]streams.Stored, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.Fail != nil {
		return nil, l.Fail
	}
	visible := uint64(max(0, len(l.streams[stream])-l.Behind))
	found := map[string]streams.Stored{}
	for _, s := range subjects {
		if m, ok := l.find(stream, s); ok && m.Sequence <= visible {
			found[s] = streams.Stored{Subject: s, Sequence: m.Sequence, StoredAt: m.StoredAt, Data: m.Data}
		}
	}
	return found, nil
}

// GetAsOf is streams.Latest's: stale where the sentinel can't be seen.
func (l *Log) GetAsOf(ctx context.Context, stream string, subjects []string, sentinel string, sequence uint64) (map[string]streams.Stored, error) {
	found, err := l.Get(ctx, stream, append(subjects[:len(subjects):len(subjects)], sentinel)...)
	if err != nil {
		return nil, err
	}
	if found[sentinel].Sequence != sequence {
		return nil, sluice.Stale(fmt.Errorf("read %s: a replica has not got %s at %d yet", stream, sentinel, sequence))
	}
	return found, nil
}
