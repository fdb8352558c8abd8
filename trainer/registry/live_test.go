package registry_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/routing"
	"sluice/streams"
	"sluice/trainer/registry"
)

// lines is a log that a test waits on.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default: // it was told already
	}
	return l.text.Write(p)
}

// wait waits until the log has the words.
func (l *lines) wait(t *testing.T, words ...string) {
	t.Helper()
	for {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(text, w)
		}
		if !missing {
			return
		}
		select {
		case <-l.more:
		case <-time.After(time.Minute):
			t.Fatalf("the log lacks %q:\n%s", words, text)
		}
	}
}

// live runs a Live and returns what it feeds.
func live(t *testing.T, r *registry.Registry) (sink, *lines) {
	t.Helper()
	out, log := make(sink), newLines()
	l := &registry.Live{Registry: r, Open: openFake, Dir: t.TempDir(), Again: 200 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx, out) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return out, log
}

// until takes servings until one is as wanted.
func (s sink) until(t *testing.T, what string, ok func(registry.Serving) bool) registry.Serving {
	t.Helper()
	var last registry.Serving
	for {
		select {
		case last = <-s:
			if ok(last) {
				return last
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: not served; last %+v", what, last)
		}
	}
}

func (s sink) active(t *testing.T, version string) registry.Serving {
	t.Helper()
	return s.until(t, version, func(x registry.Serving) bool { return name(x.Active) == version })
}

func name(r routing.Router) string {
	if r == nil {
		return ""
	}
	return r.Version()
}

func TestPointersAreServedAsTheyChange(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	add(t, r, "v2")
	ctx := t.Context()
	must(t, r.Promote(ctx, "v1", "", "", registry.Source{}))
	out, _ := live(t, r)
	out.active(t, "v1")
	must(t, r.Pin(ctx, "acme", "v1"))
	must(t, r.Promote(ctx, "v2", "v1", "", registry.Source{}))
	must(t, r.Canary(ctx, "v1", 0.1))
	must(t, r.Shadow(ctx, "v1"))
	out.until(t, "all", func(s registry.Serving) bool {
		return name(s.Active) == "v2" && name(s.Pins["acme"]) == "v1" && name(s.Canary) == "v1" && s.CanaryShare == 0.1 && name(s.Shadow) == "v1"
	})
	if _, err := r.Rollback(ctx, "v2", "slower"); err != nil {
		t.Fatal(err)
	}
	must(t, r.Unpin(ctx, "acme"))
	must(t, r.Canary(ctx, "", 0))
	out.until(t, "after the rollback", func(s registry.Serving) bool {
		return name(s.Active) == "v1" && len(s.Pins) == 0 && s.Canary == nil && s.CanaryShare == 0
	})
}

// spoil changes the chunks of an artifact in the store.
func spoil(t *testing.T, js jetstream.JetStream, version string, how func(s jetstream.Stream, subject string, chunks []*jetstream.RawStreamMsg)) {
	t.Helper()
	ctx := t.Context()
	store, err := js.ObjectStore(ctx, streams.ObjectStoreArtifacts)
	must(t, err)
	info, err := store.GetInfo(ctx, "routers/"+version+".tar")
	must(t, err)
	stream, err := js.Stream(ctx, "OBJ_"+streams.ObjectStoreArtifacts)
	must(t, err)
	subject := "$O." + streams.ObjectStoreArtifacts + ".C." + info.NUID
	last, err := stream.GetLastMsgForSubject(ctx, subject)
	must(t, err)
	var chunks []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= last.Sequence; seq++ {
		if m, err := stream.GetMsg(ctx, seq); err == nil && m.Subject == subject {
			chunks = append(chunks, m)
		}
	}
	if len(chunks) < 2 {
		t.Fatalf("%d chunks", len(chunks))
	}
	how(stream, subject, chunks)
}

func TestACorruptArtifactIsRefusedAndTheOldModelServesOn(t *testing.T) {
	for what, how := range map[string]func(*testing.T, jetstream.JetStream, jetstream.Stream, string, []*jetstream.RawStreamMsg){
		"flipped bits": func(t *testing.T, js jetstream.JetStream, s jetstream.Stream, subject string, chunks []*jetstream.RawStreamMsg) {
			t.Helper()
			must(t, s.Purge(t.Context(), jetstream.WithPurgeSubject(subject)))
			chunks[1].Data[len(chunks[1].Data)/2] ^= 1
			for _, c := range chunks {
				_, err := js.Publish(t.Context(), subject, c.Data)
				must(t, err)
			}
		},
		"a truncated object": func(t *testing.T, _ jetstream.JetStream, s jetstream.Stream, _ string, chunks []*jetstream.RawStreamMsg) {
			t.Helper()
			must(t, s.DeleteMsg(t.Context(), chunks[len(chunks)-1].Sequence))
		},
		"no chunk at all": func(t *testing.T, _ jetstream.JetStream, s jetstream.Stream, subject string, _ []*jetstream.RawStreamMsg) {
			t.Helper()
			must(t, s.Purge(t.Context(), jetstream.WithPurgeSubject(subject)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			r, js, _ := open(t)
			add(t, r, "v1")
			add(t, r, "v2")
			must(t, r.Promote(t.Context(), "v1", "", "", registry.Source{}))
			out, log := live(t, r)
			out.active(t, "v1")
			spoil(t, js, "v2", func(s jetstream.Stream, subject string, chunks []*jetstream.RawStreamMsg) {
				how(t, js, s, subject, chunks)
			})
			must(t, r.Promote(t.Context(), "v2", "v1", "", registry.Source{}))
			if s := <-out; name(s.Active) != "v1" {
				t.Errorf("%s serves", name(s.Active))
			}
			log.wait(t, "router refused", "version=v2", "serving=v1")
		})
	}
}

func TestADigestThatIsNotThePointersIsRefused(t *testing.T) {
	r, js, _ := open(t)
	add(t, r, "v1")
	add(t, r, "v2")
	must(t, r.Promote(t.Context(), "v1", "", "", registry.Source{}))
	out, log := live(t, r)
	out.active(t, "v1")
	kv, err := js.KeyValue(t.Context(), streams.BucketRouters)
	must(t, err)
	_, err = kv.PutString(t.Context(), "active", `{"version":"v2","digest":"0123456789abcdef","at":"2026-11-27T00:00:00Z"}`)
	must(t, err)
	log.wait(t, "router refused", "corrupt", "serving=v1")
	if s := <-out; name(s.Active) != "v1" {
		t.Errorf("%s serves", name(s.Active))
	}
	_, err = kv.PutString(t.Context(), "active", `{"version":`)
	must(t, err)
	log.wait(t, "pointer refused")
}

// Whoever can write to the object store can store other bytes under the digest that the pointer names.
func TestBytesThatAreNotTheDigestsAreRefused(t *testing.T) {
	r, js, _ := open(t)
	m := add(t, r, "v1")
	store, err := js.ObjectStore(t.Context(), streams.ObjectStoreArtifacts)
	must(t, err)
	info, err := store.GetInfo(t.Context(), "routers/v1.tar")
	must(t, err)
	bytes, err := store.GetBytes(t.Context(), "routers/v1.tar")
	must(t, err)
	bytes[len(bytes)/2] ^= 1 // a weight
	_, err = store.Put(t.Context(), jetstream.ObjectMeta{Name: "routers/v1.tar", Metadata: info.Metadata}, strings.NewReader(string(bytes)))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "v1")
	if err := r.Fetch(t.Context(), registry.Ref{Version: "v1", Digest: m.Digest}, dir); !errors.Is(err, registry.ErrCorrupt) {
		t.Errorf("fetched other bytes: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory is there")
	}
}

func TestAnArtifactThatComesLateIsServedThen(t *testing.T) {
	r, js, _ := open(t)
	m := add(t, r, "v1")
	store, err := js.ObjectStore(t.Context(), streams.ObjectStoreArtifacts)
	must(t, err)
	must(t, r.Promote(t.Context(), "v1", "", "", registry.Source{}))
	must(t, store.Delete(t.Context(), "routers/v1.tar"))
	out, log := live(t, r)
	if s := <-out; s.Active != nil {
		t.Errorf("%s serves", name(s.Active))
	}
	log.wait(t, "router refused", "serving=static")
	if again := add(t, r, "v1"); again.Digest != m.Digest {
		t.Fatalf("digests %s and %s", m.Digest, again.Digest)
	}
	out.active(t, "v1")
}

func TestAnOpenerThatPanicsHasRefused(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	if _, err := r.Add(t.Context(), artifact(t, "v2", "panic"), registry.Source{}); err != nil {
		t.Fatal(err)
	}
	must(t, r.Promote(t.Context(), "v1", "", "", registry.Source{}))
	out, log := live(t, r)
	out.active(t, "v1")
	must(t, r.Shadow(t.Context(), "v2"))
	log.wait(t, "router refused", "no weights at all")
	if s := <-out; s.Shadow != nil || name(s.Active) != "v1" {
		t.Errorf("serving %+v", s)
	}
}
