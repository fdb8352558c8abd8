package streams_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/internal/natstest"
	"sluice/streams"
)

func TestApplyingTwiceChangesNothingAndOptionsCanChange(t *testing.T) {
	js := natstest.Log(t)
	o := natstest.Options()
	natstest.Apply(t, js, o)
	o.MaxAge = time.Hour
	natstest.Apply(t, js, o)
	for _, name := range streams.Names() {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		if c.MaxAge != time.Hour || c.Discard != jetstream.DiscardNew || c.Retention != jetstream.LimitsPolicy || !c.AllowDirect {
			t.Errorf("%s: %+v", name, c)
		}
		if once := c.MaxMsgsPerSubject == 1 && c.DiscardNewPerSubject; once != streams.Once(name) {
			t.Errorf("%s holds one message a subject: %v, want %v", name, once, streams.Once(name))
		}
	}
	for _, b := range []string{streams.BucketAttempts, streams.BucketArms} {
		if _, err := js.KeyValue(t.Context(), b); err != nil {
			t.Errorf("bucket %s: %v", b, err)
		}
	}
}

func TestCreatingLeavesWhatExistsAndTellsWhatIsKeptOtherwise(t *testing.T) {
	js := natstest.Log(t)
	o := natstest.Options()
	o.MaxAge, o.MaxBytes = 0, 1<<20
	natstest.Apply(t, js, o)
	if different, err := streams.Create(t.Context(), js, o); err != nil || len(different) != 0 {
		t.Fatalf("the same options: %v, different %v", err, different)
	}
	if err := js.DeleteStream(t.Context(), streams.StreamCalls); err != nil {
		t.Fatal(err)
	}
	other := o
	other.MaxAge, other.MaxBytes = time.Hour, 0
	different, err := streams.Create(t.Context(), js, other)
	if err != nil || len(different) != len(streams.Names())-1 {
		t.Fatalf("other options: %v, different %v", err, different)
	}
	for _, name := range streams.Names() {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		want := o.MaxAge
		if name == streams.StreamCalls { // the one that was missing
			want = other.MaxAge
		}
		if got := s.CachedInfo().Config.MaxAge; got != want {
			t.Errorf("%s keeps messages for %s, want %s", name, got, want)
		}
	}
}

func TestABucketThatExistsNeedsNoRoomForAnothersBound(t *testing.T) {
	js := natstest.StartWith(t, streams.ServerOptions{MaxStore: 32 << 20}).JetStream()
	o := natstest.Options()
	o.RepliesMaxBytes = 1 << 20
	natstest.Apply(t, js, o)
	o.RepliesMaxBytes = 1 << 30
	if different, err := streams.Create(t.Context(), js, o); err != nil || !slices.Equal(different, []string{"bucket replies"}) {
		t.Errorf("%v, different %v", err, different)
	}
	if err := js.DeleteKeyValue(t.Context(), streams.BucketReplies); err != nil {
		t.Fatal(err)
	}
	if _, err := streams.Create(t.Context(), js, o); err == nil || !strings.Contains(err.Error(), "bucket replies: the server's disk has less room") {
		t.Errorf("one that is missing: %v", err)
	}
}

func TestAnExistingStreamThatCantBeChangedIsNamed(t *testing.T) {
	js := natstest.Log(t)
	o := natstest.Options()
	o.Storage = jetstream.MemoryStorage
	err := streams.Apply(t.Context(), js, o)
	if err == nil || !strings.Contains(err.Error(), "stream QUERIES exists and can't be changed") {
		t.Errorf("got %v", err)
	}
}

func TestApplyWaitsForTheServerUntilItsDeadline(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := streams.Apply(ctx, js, natstest.Options()); err == nil {
		t.Fatal("applied to a server that is away")
	}
	applied := make(chan error, 1)
	go func() { applied <- streams.Apply(t.Context(), js, natstest.Options()) }()
	s.Start()
	if err := <-applied; err != nil {
		t.Error(err)
	}
}

func TestEveryCopyGetsTheSameArmSecret(t *testing.T) {
	s := natstest.Start(t)
	js := s.JetStream()
	if _, err := streams.ArmSecret(t.Context(), js); err == nil || !strings.Contains(err.Error(), "apply the streams first") {
		t.Errorf("without streams: %v", err)
	}
	natstest.Apply(t, js, natstest.Options())
	secrets := make([]string, 8)
	var all sync.WaitGroup
	for i := range secrets {
		other := s.JetStream()
		all.Go(func() {
			secret, err := streams.ArmSecret(t.Context(), other)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = string(secret)
		})
	}
	all.Wait()
	s.Stop()
	s.Start()
	again, err := streams.ArmSecret(t.Context(), s.JetStream())
	if err != nil {
		t.Fatal(err)
	}
	for i, secret := range secrets {
		if len(secret) != 32 || secret != string(again) {
			t.Errorf("copy %d has another secret", i)
		}
	}
}

// A publisher names the subject that the server answers on: JSON, at times of just a secret's length.
func TestWhatTheServerWasMadeToWriteIsNoArmSecret(t *testing.T) {
	s := natstest.StartRoles(t)
	if _, err := streams.ArmSecret(t.Context(), s.JetStreamAs(streams.RoleAnswer)); err != nil {
		t.Fatal(err)
	}
	kv, err := s.JetStreamAs(streams.RoleOperator).KeyValue(t.Context(), streams.BucketArms)
	if err != nil {
		t.Fatal(err)
	}
	written, err := kv.Watch(t.Context(), "secret", jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = written.Stop() }()
	if err := s.ConnectAs(streams.RoleUpstream).PublishRequest("queries.asked.web", "$KV.arms.secret", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	<-written.Updates()
	for _, litter := range []string{"", `{"stream":"VERDICTS","seq":1234}`} { // what the server wrote, and as long as a secret
		if litter != "" {
			if _, err := kv.PutString(t.Context(), "secret", litter); err != nil {
				t.Fatal(err)
			}
		}
		if secret, err := streams.ArmSecret(t.Context(), s.JetStreamAs(streams.RoleLabel)); err == nil {
			t.Errorf("%q is taken for the secret", secret)
		}
	}
}

func TestAnEmbeddedServerServesInProcessWithoutAPort(t *testing.T) {
	s, err := streams.StartServer(t.Context(), streams.ServerOptions{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	if s.URL() != "" {
		t.Errorf("it listens on %s", s.URL())
	}
	natstest.Apply(t, inProcess(t, s), natstest.Options())
}

func TestAServerThatCantStartSaysWhy(t *testing.T) {
	if _, err := streams.StartServer(t.Context(), streams.ServerOptions{}); err == nil {
		t.Error("started without a store directory")
	}
	taken := natstest.Start(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(taken.URL(), "nats://"), ":")
	// No deadline: it must find out by itself.
	_, err := streams.StartServer(t.Context(), streams.ServerOptions{StoreDir: t.TempDir(), Port: atoi(t, port)})
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("on a taken port: %v", err)
	}
	if _, err := streams.StartServer(t.Context(), streams.ServerOptions{StoreDir: t.TempDir(), Port: 99999}); err == nil {
		t.Error("started on a port that can't be")
	}
}

func TestAFailedConnectionShowsNoPassword(t *testing.T) {
	_, err := streams.Connect("nats://user:s3cret@127.0.0.1:1", streams.ConnectOptions{})
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}

func TestAServerWithoutRoomForABucketsBoundSaysWhichKeyIsTooHigh(t *testing.T) {
	js := natstest.Log(t)
	o := natstest.Options()
	o.RepliesMaxBytes = 1 << 60
	if err := streams.Apply(t.Context(), js, o); err == nil || !strings.Contains(err.Error(), "nats.replies_max_bytes") {
		t.Error(err)
	}
}

// inProcess connects to a server without a port.
func inProcess(t *testing.T, s *streams.Server) jetstream.JetStream {
	t.Helper()
	nc, err := streams.Connect("", streams.ConnectOptions{InProcess: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := streams.JetStream(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestAServersBoundCountsWhatItHoldsAlready(t *testing.T) {
	dir := t.TempDir()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	free := int64(disk.Bavail * uint64(disk.Bsize))
	f, err := os.Create(filepath.Join(dir, "held"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(2*free), f.Close()); err != nil { // with no byte on the disk
		t.Fatal(err)
	}
	s, err := streams.StartServer(t.Context(), streams.ServerOptions{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	o := natstest.Options()
	o.RepliesMaxBytes = free / 2 * 3 // more than the disk has free
	natstest.Apply(t, inProcess(t, s), o)
}
