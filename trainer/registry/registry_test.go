package registry_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
	"sluice/trainer/registry"
)

func TestAnArtifactComesBackAsItWentIn(t *testing.T) {
	r, _, heard := open(t)
	m := add(t, r, "v1")
	if m.Kind != "fake" || m.JobID != "job-v1" || m.Digest == "" {
		t.Errorf("registered as %+v", m)
	}
	dir := filepath.Join(t.TempDir(), "models", "v1")
	ref := registry.Ref{Version: "v1", Digest: m.Digest}
	must(t, r.Fetch(t.Context(), ref, dir))
	if got, err := openFake(t.Context(), dir); err != nil || len(got.(fake).weights) != 200_000 {
		t.Errorf("opened %v", err)
	}
	// A spoiled copy on this machine's disk is fetched again.
	write(t, filepath.Join(dir, "deep", "weights.bin"), "spoiled")
	must(t, r.Fetch(t.Context(), ref, dir))
	if got, _ := openFake(t.Context(), dir); len(got.(fake).weights) != 200_000 {
		t.Error("a spoiled copy was kept")
	}
	if _, err := r.Add(t.Context(), artifact(t, "v1", "other weights"), registry.Source{}); err == nil {
		t.Error("a version was replaced by another content")
	}
	if heard.kinds() != "registered:v1" {
		t.Errorf("told %s", heard.kinds())
	}
	models, err := r.List(t.Context())
	if err != nil || len(models) != 1 || models[0].Version != "v1" || string(models[0].Metrics) != `{"apgr":0.5}` {
		t.Errorf("listed %+v, %v", models, err)
	}
}

func TestWhatCantBeReadAmongTheRoutersIsNamedAndHidesNone(t *testing.T) {
	r, js, _ := open(t)
	add(t, r, "v1")
	store, err := js.ObjectStore(t.Context(), streams.ObjectStoreArtifacts)
	must(t, err)
	for _, name := range []string{"routers/foreign.tar", "routers/spoiled.tar"} {
		_, err = store.PutBytes(t.Context(), name, []byte("no tar"))
		must(t, err)
		if name = strings.TrimPrefix(name, "routers/foreign.tar"); name != "" {
			_, err = js.PublishMsg(t.Context(), &nats.Msg{
				Subject: "$O." + streams.ObjectStoreArtifacts + ".M." + base64.URLEncoding.EncodeToString([]byte(name)),
				Header:  nats.Header{"Nats-Rollup": {"sub"}}, Data: []byte("{"),
			})
			must(t, err)
		}
	}
	models, err := r.List(t.Context())
	kinds := map[string]string{}
	for _, m := range models {
		kinds[m.Version] = m.Kind
	}
	if err != nil || len(models) != 3 || kinds["v1"] != "fake" || kinds["foreign"] != "corrupt" || kinds["spoiled"] != "corrupt" {
		t.Errorf("listed %v, %v", kinds, err)
	}
}

func TestWhatIsNoArtifactIsNotRegistered(t *testing.T) {
	r, _, _ := open(t)
	for _, manifest := range []string{"", "{", `{"kind":"fake"}`, `{"version":"v1"}`, `{"kind":"fake","version":"../v1"}`, `{"kind":"fake","version":"static"}`} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "manifest.json"), manifest)
		if _, err := r.Add(t.Context(), dir, registry.Source{}); err == nil {
			t.Errorf("%q is registered", manifest)
		}
	}
	linked := artifact(t, "v2", "w")
	must(t, os.Symlink("/etc/passwd", filepath.Join(linked, "link")))
	if _, err := r.Add(t.Context(), linked, registry.Source{}); err == nil {
		t.Error("a link is packed")
	}
}

func TestPromotionsAreUndoneOneByOneDownToTheStaticMap(t *testing.T) {
	r, _, heard := open(t)
	for _, v := range []string{"v1", "v2", "v3"} {
		add(t, r, v)
	}
	ctx := t.Context()
	must(t, r.Promote(ctx, "v1", "", "better", registry.Source{}))
	must(t, r.Promote(ctx, "v2", "v1", "better still", registry.Source{JobID: "job-v2", Attempt: 1, Sequence: 8}))
	if err := r.Promote(ctx, "v3", "v1", "better than v1", registry.Source{}); !errors.Is(err, registry.ErrMoved) {
		t.Errorf("promoted over what is not active any more: %v", err)
	}
	if err := r.Promote(ctx, "v9", "v2", "", registry.Source{}); !errors.Is(err, registry.ErrNotThere) {
		t.Errorf("promoted what is not there: %v", err)
	}
	over := "v2"
	for _, want := range []string{"v1", ""} {
		to, err := r.Rollback(ctx, over, "worse than thought")
		if err != nil || to != want {
			t.Errorf("rolled back to %q, %v; want %q", to, err, want)
		}
		if _, err := r.Rollback(ctx, over, "worse than thought"); !errors.Is(err, registry.ErrMoved) {
			t.Errorf("%s was rolled back twice: %v", over, err)
		}
		over = to
	}
	if _, err := r.Rollback(ctx, "", "once more"); !errors.Is(err, registry.ErrFirst) {
		t.Errorf("rolled back from nothing: %v", err)
	}
	if got := heard.kinds(); got != "registered:v1 registered:v2 registered:v3 promoted:v1 promoted:v2 promoted:v1 promoted:static" {
		t.Errorf("told %s", got)
	}
	history, err := r.History(ctx)
	if err != nil || len(history) != 4 || history[0].Version != "" || history[2].Version != "v2" || history[2].Reason != "better still" {
		t.Errorf("history %+v, %v", history, err)
	}
}

func TestPinsCanaryAndShadowComeAndGo(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	ctx := t.Context()
	for _, tenant := range []string{"acme", "with space & dots.", ""} {
		must(t, r.Pin(ctx, tenant, "v1"))
	}
	must(t, r.Canary(ctx, "v1", 0.25))
	must(t, r.Shadow(ctx, "v1"))
	if r.Canary(ctx, "v1", 1.5) == nil || r.Canary(ctx, "v1", 0) == nil || r.Shadow(ctx, "v9") == nil {
		t.Error("a canary of no share, or a shadow that is not there")
	}
	s, err := r.State(ctx)
	if err != nil || len(s.Pins) != 3 || s.Pins["with space & dots."].Version != "v1" || s.Canary.Share != 0.25 || s.Shadow.Version != "v1" {
		t.Errorf("state %+v, %v", s, err)
	}
	must(t, errors.Join(r.Unpin(ctx, "acme"), r.Unpin(ctx, "nobody"), r.Canary(ctx, "", 0), r.Shadow(ctx, "")))
	s, err = r.State(ctx)
	if err != nil || len(s.Pins) != 2 || s.Canary.Version != "" || s.Shadow.Version != "" || !reflect.DeepEqual(s.Active.Ref, registry.Ref{}) {
		t.Errorf("state %+v, %v", s, err)
	}
}

// candidacy is a registry in which v1 is active, and v2 its canary and its shadow.
func candidacy(t *testing.T) (*registry.Registry, jetstream.JetStream) {
	t.Helper()
	r, js, _ := open(t)
	add(t, r, "v1")
	add(t, r, "v2")
	ctx := t.Context()
	must(t, errors.Join(r.Promote(ctx, "v1", "", "", registry.Source{}), r.Canary(ctx, "v2", 0.5), r.Shadow(ctx, "v2")))
	return r, js
}

// alone holds that a version is active, with no candidate beside it.
func alone(t *testing.T, r *registry.Registry, version string) {
	t.Helper()
	if s, err := r.State(t.Context()); err != nil || s.Active.Version != version || s.Canary.Version != "" || s.Shadow.Version != "" {
		t.Errorf("state %+v, %v; want %s alone", s, err, version)
	}
}

// The active version beside itself says nothing, and a canary that is promoted must not outlive a rollback.
func TestTheActiveVersionIsNeitherCanaryNorShadow(t *testing.T) {
	r, _ := candidacy(t)
	ctx := t.Context()
	for _, err := range []error{r.Canary(ctx, "v1", 0.1), r.Shadow(ctx, "v1")} {
		if !errors.Is(err, registry.ErrActive) {
			t.Errorf("the active version: %v", err)
		}
	}
	if s, err := r.State(ctx); err != nil || s.Canary.Version != "v2" || s.Shadow.Version != "v2" {
		t.Errorf("state %+v, %v", s, err)
	}
	must(t, r.Promote(ctx, "v2", "v1", "", registry.Source{}))
	alone(t, r, "v2")
	must(t, errors.Join(r.Canary(ctx, "v1", 0.5), r.Shadow(ctx, "v1")))
	if _, err := r.Rollback(ctx, "v2", ""); err != nil {
		t.Fatal(err)
	}
	alone(t, r, "v1")
}

// Whoever promoted v2 was killed before it could clear what v2 was until then.
func TestARollbackClearsWhatAPromotionLeft(t *testing.T) {
	r, js := candidacy(t)
	ctx := t.Context()
	kv, err := js.KeyValue(ctx, streams.BucketRouters)
	must(t, err)
	left := map[string][]byte{}
	for _, key := range []string{"canary", "shadow"} {
		entry, err := kv.Get(ctx, key)
		must(t, err)
		left[key] = entry.Value()
	}
	must(t, r.Promote(ctx, "v2", "v1", "", registry.Source{}))
	for key, value := range left {
		_, err := kv.Put(ctx, key, value)
		must(t, err)
	}
	if _, err := r.Rollback(ctx, "v2", ""); err != nil {
		t.Fatal(err)
	}
	alone(t, r, "v1")
}

func TestPointersThatCantBeReadHideNothingAndAreReplacedByHand(t *testing.T) {
	r, js, _ := open(t)
	add(t, r, "v1")
	ctx := t.Context()
	kv, err := js.KeyValue(ctx, streams.BucketRouters)
	must(t, err)
	for key, value := range map[string]string{"active": `{"name":"sluice-gateway","version":"1.0.0"}`, "canary": `{"stream":"QUERIES","seq":5}`, "pin.acme": "{bad"} {
		_, err := kv.PutString(ctx, key, value)
		must(t, err)
	}
	must(t, r.Shadow(ctx, ""))
	s, err := r.State(ctx)
	if err != nil || len(s.Unreadable) != 3 || !errors.Is(s.Unreadable[0], registry.ErrUnreadable) {
		t.Errorf("state %+v, %v", s, err)
	}
	if _, ours, err := r.PromotionOf(ctx, "job-v1"); ours || err != nil {
		t.Errorf("what can't be read is a job's: %v", err)
	}
	if err := r.Promote(ctx, "v1", "", "better", registry.Source{JobID: "job-v1", Attempt: 1, Sequence: 1}); !errors.Is(err, registry.ErrUnreadable) {
		t.Errorf("a worker replaces it: %v", err)
	}
	must(t, errors.Join(r.DropCanary(ctx, "v1"), r.Canary(ctx, "", 0), r.Pin(ctx, "acme", "v1"), r.Promote(ctx, "v1", "", "by hand", registry.Source{})))
	if s, err = r.State(ctx); err != nil || len(s.Unreadable) != 0 || s.Active.Version != "v1" || s.Pins["acme"].Version != "v1" {
		t.Errorf("state %+v, %v", s, err)
	}
	if history, err := r.History(ctx); err != nil || len(history) != 1 {
		t.Errorf("history %+v, %v", history, err)
	}
}

func TestADroppedCanaryIsEndedUnlessAnotherOneIsByNow(t *testing.T) {
	r, _, _ := open(t)
	add(t, r, "v1")
	add(t, r, "v2")
	ctx := t.Context()
	must(t, r.DropCanary(ctx, "v1")) // none is there
	must(t, r.Canary(ctx, "v2", 0.5))
	must(t, r.DropCanary(ctx, "v1"))
	if s, err := r.State(ctx); err != nil || s.Canary.Version != "v2" {
		t.Errorf("another one was dropped: %+v, %v", s.Canary, err)
	}
	must(t, r.DropCanary(ctx, "v2"))
	if s, err := r.State(ctx); err != nil || s.Canary.Version != "" || s.Canary.Share != 0 {
		t.Errorf("it is still there: %+v, %v", s.Canary, err)
	}
}

func TestABaseModelIsFetchedByItsName(t *testing.T) {
	r, _, _ := open(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), "{}")
	must(t, r.AddBase(t.Context(), "gemma-3-270m", dir))
	to := filepath.Join(t.TempDir(), "base")
	must(t, r.FetchBase(t.Context(), "gemma-3-270m", to))
	if _, err := os.Stat(filepath.Join(to, "config.json")); err != nil {
		t.Error(err)
	}
	if err := r.FetchBase(t.Context(), "other", to); !errors.Is(err, registry.ErrNotThere) {
		t.Errorf("another one: %v", err)
	}
}
