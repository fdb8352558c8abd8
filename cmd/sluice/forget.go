package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/operate"
	"sluice/postgres"
	"sluice/streams"
	"sluice/trainer/registry"
)

// forgetCmd erases a person's queries.
type forgetCmd struct {
	Tenant   string        `help:"Erase every query of this tenant; with --id, the one query."`
	ID       string        `name:"id" help:"Erase the query that upstream gave this id."`
	Patience time.Duration `default:"1m" help:"How long the ring may be held still until stages have let go of what they are working on."`
}

var errInHand = errors.New("a stage still holds messages, and may store what it makes of them: run the same command again later")

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
	objects, err := registry.OpenObjects(ctx, l.JS)
	if err != nil {
		return err
	}
	got, err := operate.Forget(ctx, l.JS, forgetful{db, c.whole(), objects}, operate.Person{Tenant: c.Tenant, ID: c.ID}, c.Patience)
	messages := 0
	for _, n := range got.Messages {
		messages += n
	}
	fmt.Fprintf(m.Stdout, "%s forgotten; %s of the log overwritten%s\n",
		several(got.Keys, "query", "queries"), several(messages, "message", "messages"), c.remark(got.Keys, messages))
	if err == nil && got.InHand {
		return errInHand
	}
	return err
}

// remark says what else there is to know: what is kept, and that there may have been nothing.
func (c *forgetCmd) remark(keys, messages int) string {
	switch {
	case keys == 0 && messages == 0:
		return "; the log and the tables know no query of this tenant"
	case messages == 0:
		return ", which holds nothing of it: check --id and --tenant, unless this was done before"
	}
	return "; the tables keep their keys (a hash) to refuse what arrives late"
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
	// tenant is the one that is forgotten with everything, if any.
	tenant  string
	objects *registry.Objects
}

// Forget erases and leaves the counting to the log. A snapshot that holds one of the queries goes whole.
func (f forgetful) Forget(ctx context.Context, keys, letters []string) error {
	if _, err := f.DB.Forget(ctx, keys, letters); err != nil {
		return err
	}
	forgotten := make(map[string]bool, len(keys))
	for _, key := range keys {
		forgotten[key] = true
	}
	if _, err := f.objects.ForgetIn(ctx, func(key string) bool { return forgotten[key] }); err != nil || f.tenant == "" {
		return err
	}
	return f.ForgetTenant(ctx, f.tenant)
}

// UnnamedLetters reads what died at the entrance.
func (f forgetful) UnnamedLetters(ctx context.Context) (map[string]streams.Message, error) {
	t, err := f.Table(ctx, `SELECT id, stream, subject, content_type, raw FROM dead_letters WHERE query_key IS NULL`)
	if err != nil {
		return nil, err
	}
	letters := make(map[string]streams.Message, len(t.Rows))
	for _, row := range t.Rows {
		id, _ := row[0].(string)
		m := streams.Message{}
		m.Stream, _ = row[1].(string)
		m.Subject, _ = row[2].(string)
		m.ContentType, _ = row[3].(string)
		m.Data, _ = row[4].([]byte)
		letters[id] = m
	}
	return letters, nil
}
