package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/operate"
	"sluice/postgres"
	"sluice/streams"
	"sluice/trainer/registry"
)

// forgetCmd erases a person's queries.
type forgetCmd struct {
	Tenant   string        `placeholder:"NAME" help:"Erase every query of this tenant; with --id, the one query."`
	ID       string        `name:"id" help:"Erase the query that upstream gave this id."`
	Patience time.Duration `min:"0" default:"1m" help:"How long the ring may be held still until stages have let go of what they are working on."`
}

var errInHand = errors.New("a stage still holds messages, or was handed some meanwhile, and may store what it makes of them: run the same command again later, with a longer --patience if it says so again")

// Run erases from the tables and the log.
func (c *forgetCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Tenant == "" && c.ID == "" {
		return usagef("forget: say --tenant, --id, or both")
	}
	l, err := m.openLog(ctx, "forget", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	t, err := m.openTables(ctx, postgres.DefaultDatabase)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	db, err := postgres.Connect(ctx, t.URL, "sluice forget", 2)
	if err != nil {
		return err
	}
	defer db.Close()
	return c.forget(ctx, m, l.JS, db)
}

// forget erases, and says what.
func (c *forgetCmd) forget(ctx context.Context, m *Main, js jetstream.JetStream, db *postgres.DB) (err error) {
	objects, err := registry.OpenObjects(ctx, js)
	if err != nil {
		return err
	}
	p, err := streams.NewPublisher(js, streams.PublisherOptions{FailWhenFull: true, Log: m.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	f := &forgetful{DB: db, whose: c.Tenant, tenant: c.whole(), objects: objects}
	got, err := operate.Forget(ctx, js, p, f, operate.Person{Tenant: c.Tenant, ID: c.ID}, c.Patience, erasing(m.Stderr, time.Now))
	f.tell(m)
	if err == nil {
		err = m.tellUnreadable(ctx, js)
	}
	if err != nil {
		return err
	}
	nothing := got.Nothing() && len(f.erased.Held) == 0
	if nothing && !got.Before && !got.InHand {
		return c.nobody(ctx, db)
	}
	if !nothing || !got.InHand {
		fmt.Fprintln(m.Stdout, c.said(got, nothing))
	}
	if got.InHand {
		return errInHand
	}
	return nil
}

// erasingEvery is the pause between two lines that tell how far the erasing is.
const erasingEvery = 10 * time.Second

// erasing tells, now and then, how far it is: the messages of many queries take their time.
func erasing(w io.Writer, now func() time.Time) func(stream string) {
	n, last := 0, now()
	return func(stream string) {
		n++
		if at := now(); at.Sub(last) >= erasingEvery {
			last = at
			fmt.Fprintf(w, "%s overwritten so far, the last one of %s\n", several(n, "message", "messages"), stream)
		}
	}
}

// who names what is to be forgotten.
func (c *forgetCmd) who() string {
	tenant := "the default tenant"
	if c.Tenant != "" {
		tenant = fmt.Sprintf("tenant %q", c.Tenant)
	}
	if c.ID != "" {
		return fmt.Sprintf("id %q of %s", c.ID, tenant)
	}
	return tenant
}

// said is what was done, in words.
func (c *forgetCmd) said(got operate.Forgotten, nothing bool) string {
	messages := 0
	for _, n := range got.Messages {
		messages += n
	}
	if nothing {
		return c.who() + " was forgotten before; nothing more of it was found"
	}
	return fmt.Sprintf("%s: %s forgotten; %s of the log overwritten, %s of the tables erased, or made nobody's; the tables keep the keys (hashes) to refuse what arrives late",
		c.who(), several(got.Keys, "query", "queries"), several(messages, "message", "messages"), several(got.Rows, "row", "rows"))
}

// nobody tells that there was nothing to forget, and what was done all the same.
func (c *forgetCmd) nobody(ctx context.Context, db *postgres.DB) error {
	if c.ID == "" {
		return fmt.Errorf("nothing of %s was found in the log or the tables: check --tenant", c.who())
	}
	elsewhere := ""
	keys, err := db.KeysOfID(ctx, c.ID)
	if err == nil && len(keys) > 0 {
		elsewhere = fmt.Sprintf(" (%s that id)", several(len(keys), "query of another tenant has", "queries of other tenants have"))
	}
	return errors.Join(err, fmt.Errorf("nothing was found under %s: check --id and --tenant%s; what comes under it later is kept out of the tables", c.who(), elsewhere))
}

// whole is the tenant of which everything is forgotten; empty where it is one query.
func (c *forgetCmd) whole() string {
	if c.ID != "" {
		return ""
	}
	return c.Tenant
}

// forgetful is the tables, and the snapshots of trainings, as operate wants them.
type forgetful struct {
	*postgres.DB
	// whose is the tenant, tenant the one that is forgotten with everything, if any.
	whose, tenant string

	objects *registry.Objects
	erased  registry.Erased
}

// Forget erases. A snapshot that holds one of the queries goes whole.
func (f *forgetful) Forget(ctx context.Context, keys, letters []string) (rows, fresh int64, err error) {
	got, err := f.DB.Forget(ctx, f.whose, keys, letters)
	if err != nil {
		return 0, 0, err
	}
	forgotten := make(map[string]bool, len(keys))
	for _, key := range keys {
		forgotten[key] = true
	}
	erased, err := f.objects.ForgetIn(ctx, time.Now(), func(key string) bool { return forgotten[key] })
	f.erased.Held = append(f.erased.Held, erased.Held...)
	f.erased.Unreadable = append(f.erased.Unreadable, erased.Unreadable...)
	if err != nil || f.tenant == "" {
		return got.Rows(), got.Fresh, err
	}
	rows, err = f.ForgetTenant(ctx, f.tenant)
	return got.Rows() + rows, got.Fresh, err
}

// tell names the snapshots that are gone.
func (f *forgetful) tell(m *Main) {
	for _, name := range f.erased.Held {
		fmt.Fprintf(m.Stderr, "%s held some of it and is deleted: its training can't be done again\n", name)
	}
	for _, name := range f.erased.Unreadable {
		fmt.Fprintf(m.Stderr, "%s can't be read and is deleted, since nobody can say whose words are in it: its training can't be done again\n", name)
	}
}

// tellUnreadable says where words of anybody may be left.
func (m *Main) tellUnreadable(ctx context.Context, js jetstream.JetStream) error {
	letters, err := operate.Letters(ctx, js, operate.Selection{})
	n := len(slices.DeleteFunc(letters, func(l operate.Letter) bool { return !l.Undecodable }))
	if n > 0 {
		fmt.Fprintf(m.Stderr, "%s can't be read, so that nobody can say whose words are in it: sluice dead list, show and drop\n", several(n, "dead letter", "dead letters"))
	}
	return err
}

// UnnamedLetters reads what died at the entrance.
func (f *forgetful) UnnamedLetters(ctx context.Context) (map[string]streams.Envelope, error) {
	t, err := f.Table(ctx, `SELECT id, stream, subject, sequence, content_type, raw, raw_elsewhere FROM dead_letters WHERE query_key IS NULL`)
	if err != nil {
		return nil, err
	}
	letters := make(map[string]streams.Envelope, len(t.Rows))
	for _, row := range t.Rows {
		id, _ := row[0].(string)
		e := streams.Envelope{}
		e.Stream, _ = row[1].(string)
		e.Subject, _ = row[2].(string)
		sequence, _ := row[3].(int64)
		e.Sequence = uint64(max(sequence, 0))
		e.ContentType, _ = row[4].(string)
		e.Data, _ = row[5].([]byte)
		e.ByReference, _ = row[6].(bool)
		letters[id] = e
	}
	return letters, nil
}
