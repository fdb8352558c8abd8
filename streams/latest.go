package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// maxLast is how many subjects the server answers in one request.
const maxLast = 1024

// Latest reads the last message of subjects, many at once. Any replica answers, so that a read may lag
// behind what was confirmed: see [Latest.GetAsOf]. Reads that are asked for while another is under way
// travel together in the next request, so that one reader serves any number of goroutines cheaply.
type Latest struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	replies *replies
	timeout time.Duration

	mu     sync.Mutex
	queues map[string]*queue
}

// NewLatest opens a reader on the connection of js; its owner calls [Latest.Close].
func NewLatest(js jetstream.JetStream) (*Latest, error) {
	r, err := openReplies(js.Conn())
	if err != nil {
		return nil, fmt.Errorf("latest reader: %w", err)
	}
	return &Latest{nc: js.Conn(), js: js, replies: r, timeout: 2 * time.Second, queues: map[string]*queue{}}, nil
}

// Close ends the reader; no read may be under way.
func (l *Latest) Close() error { return l.replies.close() }

// Get reads the last message of each subject; a subject without one is absent from the map. A lost reply
// is asked for again until ctx is done.
func (l *Latest) Get(ctx context.Context, stream string, subjects ...string) (map[string]Stored, error) {
	return l.get(ctx, stream, subjects, nil)
}

// GetAsOf is [Latest.Get] as of a message that the caller knows to be stored: the answer is that of a
// replica that has it, or an error that sluice.ClassOf calls stale. Where that message was erased
// since, the leader is asked for each subject instead.
func (l *Latest) GetAsOf(ctx context.Context, stream string, subjects []string, sentinel string, sequence uint64) (map[string]Stored, error) {
	mark := &Stored{Subject: sentinel, Sequence: sequence}
	found, err := l.get(ctx, stream, subjects, mark)
	if !errors.Is(err, errUnmarked) {
		return found, err
	}
	erased, leadErr := l.erased(ctx, stream, sequence)
	if leadErr != nil {
		return nil, leadErr
	}
	if !erased {
		return nil, sluice.Stale(fmt.Errorf("read %s: a replica has not got %s at %d yet", stream, sentinel, sequence))
	}
	return l.fromLeader(ctx, stream, subjects)
}

// errUnmarked says that a reply lacked the sentinel.
var errUnmarked = errors.New("the sentinel is missing")

func (l *Latest) get(ctx context.Context, stream string, subjects []string, mark *Stored) (map[string]Stored, error) {
	found := make(map[string]Stored, len(subjects))
	room := maxLast
	if mark != nil {
		room-- // every request carries the sentinel itself
	}
	for len(subjects) > 0 {
		part := subjects[:min(room, len(subjects))]
		subjects = subjects[len(part):]
		if err := l.read(ctx, stream, part, mark, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// read fills found with the last messages of at most a request's worth of subjects.
func (l *Latest) read(ctx context.Context, stream string, subjects []string, mark *Stored, found map[string]Stored) error {
	for round := 1; len(subjects) > 0; round++ {
		want := subjects
		if mark != nil {
			want = append(subjects[:len(subjects):len(subjects)], mark.Subject)
		}
		r, err := l.ask(ctx, stream, want)
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		switch {
		case r.err != nil:
			if err := Pause(ctx, backoff(round)); err != nil {
				return fmt.Errorf("read %s: %w: %w", stream, r.err, err)
			}
			continue
		case mark != nil && r.found[mark.Subject].Sequence != mark.Sequence:
			return errUnmarked
		}
		var missing []string
		for _, s := range subjects {
			if got, ok := r.found[s]; ok {
				found[s] = got
			} else {
				missing = append(missing, s)
			}
		}
		if r.complete {
			return nil
		}
		subjects = missing // the server's reply was cut at its byte limit
	}
	return nil
}

// ask puts the subjects into the stream's queue and waits for the request that carries them.
func (l *Latest) ask(ctx context.Context, stream string, subjects []string) (*request, error) {
	l.mu.Lock()
	q := l.queues[stream]
	if q == nil {
		q = &queue{l: l, stream: stream}
		l.queues[stream] = q
	}
	l.mu.Unlock()
	w := q.join(subjects)
	select {
	case <-w.done:
		return w.by, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// erased asks the stream's leader whether a message was there and is gone for good.
func (l *Latest) erased(ctx context.Context, stream string, sequence uint64) (bool, error) {
	_, err := l.leader(ctx, stream, map[string]any{"seq": sequence})
	if err == nil {
		return false, nil
	}
	var info *jetstream.StreamInfo
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		var s jetstream.Stream
		if s, err = l.js.Stream(ctx, stream); err == nil {
			info = s.CachedInfo()
		}
	}
	if err != nil {
		return false, fmt.Errorf("read %s: ask the leader for %d: %w", stream, sequence, err)
	}
	return info.State.LastSeq >= sequence, nil
}

// fromLeader reads subject by subject: slow, and never stale.
func (l *Latest) fromLeader(ctx context.Context, stream string, subjects []string) (map[string]Stored, error) {
	found := make(map[string]Stored, len(subjects))
	for _, s := range subjects {
		got, err := l.leader(ctx, stream, map[string]any{"last_by_subj": s})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: ask the leader for %s: %w", stream, s, err)
		}
		found[s] = got
	}
	return found, nil
}

// leader makes one request of the stream's leader.
func (l *Latest) leader(ctx context.Context, stream string, ask map[string]any) (Stored, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return Stored{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := l.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return Stored{}, err
	}
	var reply struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Time     time.Time `json:"time"`
			Data     []byte    `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Stored{}, err
	}
	if reply.Error != nil {
		return Stored{}, reply.Error
	}
	if reply.Message == nil {
		return Stored{}, errors.New("an empty answer")
	}
	return Stored{
		Subject: reply.Message.Subject, Sequence: reply.Message.Sequence,
		StoredAt: reply.Message.Time.UTC(), Data: reply.Message.Data,
	}, nil
}
