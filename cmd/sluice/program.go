package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"sluice/bulkhead"
	"sluice/config"
	"sluice/streams"
	"sluice/telemetry"
)

// Main is the whole program. ParseFlags is apart from Run, so that a test boots it on free ports in a
// directory of its own.
type Main struct {
	// Stdout takes results, Stderr everything else; Getenv is os.Getenv outside tests.
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Ready, where set, is called once a command that serves until it is stopped does serve.
	Ready func(Where)

	cli      cli
	selected *kong.Context
	helped   bool
	config   config.Config
	loadErr  error
	log      *slog.Logger
	// tracing makes spans of what the command does; nil where nobody wants them.
	tracing  *telemetry.Tracing
	refusals *refusals
	// beside contains panics of what the command does beside requests and messages.
	beside *bulkhead.Bulkhead
}

// Where says where the parts of a running program are.
type Where struct {
	// NATS is the URL of the log, Postgres a connection string without a password, Emulator the base
	// URL of an emulated provider, Metrics the URL of the Prometheus endpoint. Empty: not there.
	NATS, Postgres, Emulator, Metrics string
	// Gateway is the base URL of the HTTP APIs.
	Gateway string
}

// The exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusBudget      = 3
	statusInterrupted = 130
)

// usageError is a fault of the command line; of is the command as far as it was understood: "sluice dead list".
type usageError struct {
	err error
	of  string
}

func (e *usageError) Error() string {
	return e.err.Error() + " (see " + cmp.Or(e.of, "sluice") + " --help)"
}
func (e *usageError) Unwrap() error { return e.err }

// usagef is a fault of the command line that only the command itself could find.
func usagef(format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...)}
}

// misread is what the parser says of a command line, for people: a flag that may be left out has "" among its words,
// which nobody types.
func misread(err error) error {
	u := &usageError{err: err}
	var at *kong.ParseError
	if errors.As(err, &at) {
		u.of = commandOf(at.Context)
	}
	if text := err.Error(); strings.Contains(text, "must be one of") {
		text = strings.ReplaceAll(strings.Replace(text, `,"" but`, ` but`, 1), `","`, `", "`)
		u.err = errors.New(text)
	}
	return u
}

// commandOf is the command that was selected, with the program's name: "sluice dead list".
func commandOf(c *kong.Context) string {
	if c == nil {
		return ""
	}
	if n := c.Selected(); n != nil {
		return n.FullPath()
	}
	return c.Model.Name
}

const description = "An LLM router that learns from your own pair of models: an offline ring asks both, judges them blind and labels " +
	"which queries need the large one; a gateway routes by what was learned.\n\n" +
	"Secrets come from the environment alone: GEMINI_API_KEY, OPENAI_API_KEY, DATABASE_URL, NATS_URL, SLUICE_ARM_KEY. " +
	"Exit status: 0 done, 1 failed, 2 wrong flags or configuration, 3 a spending cap was reached, 130 interrupted before the work was done."

var (
	errHelped      = errors.New("help was printed")
	errBudget      = errors.New("--max-spend is reached")
	errInterrupted = errors.New("interrupted before the work was done")
)

// ParseFlags reads the command line; it opens nothing.
func (m *Main) ParseFlags(args []string) error {
	parser, err := kong.New(&m.cli,
		kong.Name("sluice"),
		kong.Description(description),
		kong.Writers(m.Stdout, m.Stderr),
		kong.Exit(func(int) { m.helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups(groups),
	)
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	m.selected, err = parser.Parse(args)
	if m.helped {
		return errHelped
	}
	if err != nil {
		return misread(err)
	}
	return inRange(m.selected)
}

// Run loads the configuration and runs the command until it is done or ctx ends.
func (m *Main) Run(ctx context.Context) error {
	cfg, err := config.Load(m.cli.Config, m.Getenv, m.cli.sets())
	m.config, m.loadErr = cfg, err
	if err != nil && !needsNoConfig(m.selected.Command()) {
		return err
	}
	if m.log, err = newLogger(m.Stderr, m.cli.LogLevel, m.cli.LogFormat, cfg.Secrets.Redact); err != nil {
		return &usageError{err: err}
	}
	m.beside = bulkhead.New(m.log, time.Now)
	if err := m.startTracing(ctx); err != nil {
		return err
	}
	working, end := context.WithCancelCause(ctx)
	defer end(nil)
	m.refusals = &refusals{log: m.log, now: time.Now, end: end}
	m.selected.BindTo(working, (*context.Context)(nil))
	err = m.selected.Run(m)
	switch refused := m.refusals.fatal(); {
	case refused != nil:
		err = refused // what else failed is for it
	case ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, errInterrupted):
		err = errInterrupted // where in its beginnings says nothing to whoever pressed Ctrl-C
	}
	return errors.Join(err, m.tracing.Shutdown(ctx))
}

// serves is ready, unless the log's server has refused what the command needs.
func (m *Main) serves(l *openedLog, w Where) error {
	if err := streams.Permitted(l.NC, streams.Role(m.config.NATS.Role)); err != nil {
		return err
	}
	m.ready(w)
	return nil
}

// ready tells whoever waits that the command serves.
func (m *Main) ready(w Where) {
	m.refusals.serve()
	if m.Ready != nil {
		m.Ready(w)
	}
}

// report writes why the program failed, for people, and tells the exit status.
func (m *Main) report(err error) int {
	var usage *usageError
	var faults config.FaultsError
	if errors.As(err, &usage) && usage.of == "" {
		usage.of = commandOf(m.selected)
	}
	switch {
	case err == nil, errors.Is(err, errHelped):
		return statusDone
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(m.Stderr, "sluice:", m.config.Secrets.Redact(err.Error()))
		return statusInterrupted
	case errors.Is(err, errBudget):
		fmt.Fprintln(m.Stderr, "sluice:", m.config.Secrets.Redact(err.Error()))
		return statusBudget
	}
	fmt.Fprintln(m.Stderr, "sluice:", m.config.Secrets.Redact(err.Error())+remedy(err))
	if errors.As(err, &usage) || errors.As(err, &faults) || m.loadErr != nil && errors.Is(err, m.loadErr) {
		return statusUsage
	}
	return statusFailed
}

// remedy is what to do about a failure that the same command need not meet once more: whoever ran a private cluster took
// it along as it ended.
func remedy(err error) string {
	var of interface{ SQLState() string }
	if errors.As(err, &of) && strings.HasPrefix(of.SQLState(), "57P") {
		return "; Postgres was stopped meanwhile, by another sluice that ran it and ended, say: run it again"
	}
	return ""
}
