package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers/notify"
	"sluice/consumers/record"
	"sluice/operate"
	"sluice/streams"
)

// deadCmd is about the dead letters.
type deadCmd struct {
	List   deadListCmd   `cmd:"" help:"List dead letters."`
	Show   deadShowCmd   `cmd:"" help:"Show dead letters whole, with what they hold."`
	Replay deadReplayCmd `cmd:"" help:"Hand dead letters to the stage that they died in once more. Doing it twice is doing it once."`
	Drop   deadDropCmd   `cmd:"" help:"Delete dead letters for good."`
}

// deadFilter chooses letters on the command line.
type deadFilter struct {
	Stage  string   `placeholder:"STAGE" help:"Only letters of this stage, as dead list shows it."`
	Reason string   `placeholder:"REASON" help:"Only letters with this reason, as dead list shows it."`
	Since  instant  `placeholder:"DUR|TIME" help:"Only what died since: 2h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z."`
	IDs    []string `arg:"" optional:"" name:"id" help:"Ids of letters, or unambiguous beginnings of them."`
}

func (f deadFilter) selection() operate.Selection {
	return operate.Selection{Stage: f.Stage, Reason: sluice.Reason(f.Reason), Since: f.Since.Time, IDs: f.IDs}
}

// empty says that nothing was chosen: everything would be.
func (f deadFilter) empty() bool {
	return f.Stage == "" && f.Reason == "" && f.Since.IsZero() && len(f.IDs) == 0
}

// withLetters opens the log, reads the selection and hands it to do.
func (m *Main) withLetters(ctx context.Context, f deadFilter, do func(*openedLog, []operate.Letter) error) (err error) {
	l, err := m.openLog(ctx, "dead", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	letters, err := operate.Letters(ctx, l.JS, f.selection())
	if len(letters) == 0 {
		if err := m.checkNames(ctx, l.JS, f); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return do(l, letters)
}

// checkNames refuses a stage and a reason that neither this version knows nor any letter names: another version's
// letters may name others than ours.
func (m *Main) checkNames(ctx context.Context, js jetstream.JetStream, f deadFilter) error {
	stages, reasons := append(m.allStages(), notify.Name), sluice.Reasons()
	check := func() error {
		return cmp.Or(oneOf("--stage", f.Stage, stages), oneOf("--reason", sluice.Reason(f.Reason), reasons))
	}
	if check() == nil {
		return nil
	}
	letters, err := operate.Letters(ctx, js, operate.Selection{})
	if err != nil {
		return err
	}
	for _, l := range letters {
		stages, reasons = append(stages, l.Stage), append(reasons, l.Reason)
	}
	return check()
}

// oneOf refuses a word, if any is given, that is not among those that there are.
func oneOf[S ~string](flag string, word S, there []S) error {
	if word == "" || slices.Contains(there, word) {
		return nil
	}
	var names []string
	for _, s := range there {
		if name := strconv.Quote(string(s)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return usagef("%s must be one of %s but got %q", flag, strings.Join(names, ", "), word)
}

type deadListCmd struct {
	deadFilter
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists, oldest first.
func (c *deadListCmd) Run(ctx context.Context, m *Main) error {
	return m.withLetters(ctx, c.deadFilter, func(_ *openedLog, letters []operate.Letter) error {
		if c.JSON {
			return m.printLetters(letters, "")
		}
		t := newTable(m.Stdout, "id", "died at", "stage", "reason", "class", "attempts", "message", "error").numbers(6)
		for _, l := range letters {
			t.row(shortID(l), l.DiedAt.Format(time.RFC3339), l.Stage, string(l.Reason), string(l.Class),
				strconv.Itoa(l.Attempts), fmt.Sprintf("%s %d", l.Envelope.Stream, l.Envelope.Sequence), oneLine(wrong(l), 80))
		}
		if len(letters) > 0 {
			t.flush()
		}
		fmt.Fprintln(m.Stderr, several(len(letters), "dead letter", "dead letters"))
		return nil
	})
}

// shortID is as much of a letter's id as tells it from others.
func shortID(l operate.Letter) string {
	if l.Undecodable {
		return l.ID
	}
	return l.ID[:min(12, len(l.ID))]
}

// wrong is what a letter died of, without the place, which stands beside it.
func wrong(l operate.Letter) string {
	_, after, found := strings.Cut(l.Error, fmt.Sprintf("(%s:%d): ", l.Envelope.Stream, l.Envelope.Sequence))
	if found {
		return after
	}
	return l.Error
}

type deadShowCmd struct{ deadFilter }

// Run prints one JSON object a letter, indented, its payload as readable as it can be.
func (c *deadShowCmd) Run(ctx context.Context, m *Main) error {
	return m.withLetters(ctx, c.deadFilter, func(_ *openedLog, letters []operate.Letter) error {
		if len(letters) == 0 {
			fmt.Fprintln(m.Stderr, "0 dead letters")
		}
		return m.printLetters(letters, "  ")
	})
}

// shownLetter is a letter as people and scripts read it.
type shownLetter struct {
	ID         string            `json:"id"`
	Stage      string            `json:"stage"`
	Class      sluice.Class      `json:"class"`
	Reason     sluice.Reason     `json:"reason"`
	Error      string            `json:"error"`
	Attempts   int               `json:"attempts"`
	Deliveries int               `json:"deliveries"`
	DiedAt     time.Time         `json:"died_at"`
	Subject    string            `json:"subject"`
	Stream     string            `json:"stream"`
	Sequence   uint64            `json:"sequence"`
	StoredAt   time.Time         `json:"stored_at"`
	Header     map[string]string `json:"header,omitempty"`
	Bytes      int               `json:"bytes"`
	// Undecodable says that the letter itself can't be read: it can be dropped, and not replayed.
	Undecodable bool `json:"undecodable,omitempty"`
	// One of the two holds the payload: Data where it is msgpack or JSON, Raw where it is anything else.
	Data any    `json:"data,omitempty"`
	Raw  string `json:"raw,omitempty"`
}

func (m *Main) printLetters(letters []operate.Letter, indent string) error {
	for _, l := range letters {
		e := l.Envelope
		s := shownLetter{
			ID: l.ID, Stage: l.Stage, Class: l.Class, Reason: l.Reason, Error: l.Error, Attempts: l.Attempts,
			Deliveries: l.Deliveries, DiedAt: l.DiedAt, Subject: e.Subject, Stream: e.Stream, Sequence: e.Sequence,
			StoredAt: e.StoredAt, Header: e.Header, Bytes: len(e.Data), Undecodable: l.Undecodable,
		}
		s.Data, s.Raw = readable(e)
		if err := printJSONAs(m.Stdout, jsonForm{indent: indent, verbatim: true}, s); err != nil {
			return fmt.Errorf("dead letter %s: %w", l.ID, err)
		}
	}
	return nil
}

// readable decodes a payload for the eye; what can't be decoded is quoted.
func readable(e streams.Envelope) (data any, raw string) {
	if e.ContentType == streams.MsgPack {
		if v, err := streams.Decode[map[string]any](e.Data); err == nil {
			return v, ""
		}
	} else if json.Valid(e.Data) {
		return json.RawMessage(e.Data), ""
	}
	const most = 4 << 10
	cut := e.Data[:min(len(e.Data), most)]
	if utf8.Valid(cut) {
		return nil, string(cut)
	}
	return nil, strconv.QuoteToASCII(string(cut))
}

type deadReplayCmd struct {
	deadFilter
	All      bool    `help:"Replay every letter; needed where nothing else chooses."`
	Estimate bool    `help:"Say what the replay would cost, and replay nothing."`
	MaxSpend dollars `placeholder:"USD" help:"Replay nothing if the estimate is above this."`
}

// Run replays.
func (c *deadReplayCmd) Run(ctx context.Context, m *Main) error {
	if c.empty() && !c.All {
		return usagef("dead replay: choose letters by --stage, --reason, --since or id, or say --all")
	}
	return m.withLetters(ctx, c.deadFilter, func(l *openedLog, letters []operate.Letter) error {
		if c.Estimate || c.MaxSpend.set {
			h := handover{messages: revived(letters), wants: (*forecaster).wantsOfAny, smaller: "choose fewer letters"}
			if err := m.estimateReplay(ctx, l, h, c.Estimate, c.MaxSpend); err != nil || c.Estimate {
				return err
			}
		}
		p, err := streams.NewPublisher(l.JS, streams.PublisherOptions{FailWhenFull: true, Log: m.log})
		if err != nil {
			return err
		}
		n, err := operate.Revive(ctx, l.JS, p, letters)
		fmt.Fprintf(m.Stderr, "%d of %s handed to the stages once more\n", n, several(len(letters), "dead letter", "dead letters"))
		return errors.Join(err, p.Close())
	})
}

// revived is the messages that died in a stage that asks models, or before one.
func revived(letters []operate.Letter) iter.Seq2[streams.Message, error] {
	return func(yield func(streams.Message, error) bool) {
		for _, l := range letters {
			if l.Stage != record.Name && !l.Undecodable && !yield(l.Envelope.Open(), nil) {
				return
			}
		}
	}
}

type deadDropCmd struct {
	deadFilter
	All bool `help:"Drop every letter; needed where nothing else chooses."`
}

// Run deletes.
func (c *deadDropCmd) Run(ctx context.Context, m *Main) error {
	if c.empty() && !c.All {
		return usagef("dead drop: choose letters by --stage, --reason, --since or id, or say --all")
	}
	return m.withLetters(ctx, c.deadFilter, func(l *openedLog, letters []operate.Letter) error {
		n, err := operate.Drop(ctx, l.JS, letters)
		fmt.Fprintf(m.Stderr, "%d of %s dropped\n", n, several(len(letters), "dead letter", "dead letters"))
		return err
	})
}
