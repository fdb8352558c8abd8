package operate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers/record"
	"sluice/internal/natstest"
	"sluice/internal/pgtest"
	"sluice/operate"
	"sluice/postgres"
	"sluice/streams"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// deadRing is a log's dead letters and the tables that they are recorded in.
type deadRing struct {
	t      *testing.T
	js     jetstream.JetStream
	p      *streams.Publisher
	tables *postgres.Recorder
	db     *postgres.DB
}

func newDeadRing(t *testing.T) deadRing {
	t.Helper()
	js, url := natstest.Log(t), pgtest.New(t)
	tables, err := postgres.OpenRecorder(t.Context(), url, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tables.Close)
	db, err := postgres.Connect(t.Context(), url, "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return deadRing{t, js, publisher(t, js), tables, db}
}

// bury stores the letters of n messages, numbered from first on.
func (r deadRing) bury(first, n int) []streams.DeadLetter {
	r.t.Helper()
	var buried []streams.DeadLetter
	for i := range n {
		buried = append(buried, bury(r.t, r.p, "intake", sluice.ReasonEmptyQuery, first+i, time.Now().UTC()))
	}
	return buried
}

// record has the stage read everything that DEAD holds, as it reads it at first and as it may read it again.
func (r deadRing) record() {
	r.t.Helper()
	r.store(r.held())
}

func (r deadRing) held() []streams.Message {
	r.t.Helper()
	var held []streams.Message
	for m, err := range streams.Scan(r.t.Context(), r.js, streams.StreamDead, streams.Window{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		held = append(held, m)
	}
	return held
}

func (r deadRing) store(msgs []streams.Message) {
	r.t.Helper()
	for _, result := range record.New(r.tables, 0, time.Now).HandleBatch(r.t.Context(), msgs) {
		if result.Err != nil {
			r.t.Fatal(result.Err)
		}
	}
}

// open compares once, expects that the tables hold those letters for open which the log holds, and lists them.
func (r deadRing) open(after string) []string {
	r.t.Helper()
	if err := operate.CompareLetters(r.t.Context(), r.js, r.tables); err != nil {
		r.t.Fatal(err)
	}
	got := r.column("SELECT id FROM dead_letters_open")
	var want []string
	for _, l := range letters(r.t, r.js, operate.Selection{}) {
		want = append(want, l.ID)
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		r.t.Errorf("%s: open in the tables %v, in the log %v", after, got, want)
	}
	return got
}

func (r deadRing) column(sql string) []string {
	r.t.Helper()
	table, err := r.db.Table(r.t.Context(), sql)
	if err != nil {
		r.t.Fatal(err)
	}
	var values []string
	for _, row := range table.Rows {
		values = append(values, fmt.Sprint(row...))
	}
	return values
}

func (r deadRing) revive(ids ...string) {
	r.t.Helper()
	if _, err := operate.Revive(r.t.Context(), r.js, r.p, letters(r.t, r.js, operate.Selection{IDs: ids})); err != nil {
		r.t.Fatal(err)
	}
}

func TestLettersAreOpenInTheTablesWhileTheLogHoldsThem(t *testing.T) {
	r := newDeadRing(t)
	l := r.bury(0, 6)
	r.record()
	r.open("recorded")

	r.revive(l[0].ID()) // and what it holds is accepted at the entrance: no letter says so
	r.open("replayed and made good")

	if _, err := operate.Drop(t.Context(), r.js, letters(t, r.js, operate.Selection{IDs: []string{l[1].ID()}})); err != nil {
		t.Fatal(err)
	}
	r.open("dropped")

	again := l[2]
	r.revive(again.ID())
	again.Retry = "the hand-over"
	publish(t, r.p, must(t)(streams.DeadMessage(again)))
	r.record()
	if open := r.open("replayed and dead again"); !slices.Contains(open, again.ID()) || slices.Contains(open, l[2].ID()) {
		t.Errorf("of two deaths of a message, open are %v", open)
	}

	// The process dies between the hand-over and the deletion, and somebody replays the letter once more.
	publish(t, r.p, must(t)(streams.ReplayMessage(l[3])))
	if open := r.open("handed over and still in the log"); !slices.Contains(open, l[3].ID()) {
		t.Error("a letter that is still to be replayed or dropped is not open")
	}
	r.revive(l[3].ID())
	r.open("replayed for good")

	// Its stage was killed before it could let go of it: the same letter once more.
	publish(t, r.p, must(t)(streams.DeadMessage(l[3])))
	r.record()
	if open := r.open("dead by the same letter"); !slices.Contains(open, l[3].ID()) {
		t.Error("a letter that is in the log again is not open")
	}

	s, err := r.js.Stream(t.Context(), streams.StreamDead)
	if err == nil {
		err = s.Purge(t.Context()) // as age would
	}
	if err != nil {
		t.Fatal(err)
	}
	if open := r.open("gone by itself"); len(open) != 0 {
		t.Errorf("of an empty stream, open are %v", open)
	}
	if all := r.column("SELECT id FROM dead_letters"); len(all) != 7 {
		t.Errorf("the history has %d letters, want 7", len(all))
	}
}

func TestALetterThatIsRecordedAfterItLeftTheLogIsNotOpen(t *testing.T) {
	r := newDeadRing(t)
	l := r.bury(0, 2)
	held := r.held() // in the stage's hand, which waits for Postgres
	r.revive(l[0].ID())
	if err := operate.CompareLetters(t.Context(), r.js, r.tables); err != nil {
		t.Fatal(err)
	}
	r.store(held)
	if open := r.open("recorded late"); len(open) != 1 {
		t.Errorf("open are %v, want one", open)
	}
}

func TestComparingTwiceNotesNothingNew(t *testing.T) {
	r := newDeadRing(t)
	l := r.bury(0, 3)
	r.record()
	r.revive(l[0].ID())
	r.open("replayed")
	const rows = "SELECT id, gone_at, xmin FROM dead_letters ORDER BY id"
	before := r.column(rows)
	r.record() // every fact that is left once more
	for range 2 {
		r.open("again")
	}
	if after := r.column(rows); !slices.Equal(before, after) {
		t.Errorf("rows\n%v\nwant them untouched\n%v", after, before)
	}
}

// beside does something right before and right after the open letters are asked for.
type beside struct {
	operate.LetterTables
	do func()
}

func (b beside) OpenLetters(ctx context.Context) ([]string, error) {
	b.do()
	defer b.do()
	return b.LetterTables.OpenLetters(ctx)
}

func TestALetterThatDiesWhileLettersAreComparedIsOpen(t *testing.T) {
	r := newDeadRing(t)
	n := 0
	err := operate.CompareLetters(t.Context(), r.js, beside{r.tables, func() {
		r.bury(n, 1)
		r.record()
		n++
	}})
	if err != nil {
		t.Fatal(err)
	}
	if open := r.column("SELECT id FROM dead_letters_open"); len(open) != 2 {
		t.Errorf("open are %v, want two", open)
	}
}

func TestNothingIsNotedWhereTheLogCantBeRead(t *testing.T) {
	r := newDeadRing(t)
	r.bury(0, 2)
	r.record()
	if err := r.js.DeleteStream(t.Context(), streams.StreamDead); err != nil {
		t.Fatal(err)
	}
	if err := operate.CompareLetters(t.Context(), r.js, r.tables); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("without the stream: %v", err)
	}
	if open := r.column("SELECT id FROM dead_letters_open"); len(open) != 2 {
		t.Errorf("open are %v, want two", open)
	}
}
