package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// newLogger writes to w: text on a terminal, JSON elsewhere, unless format says otherwise. Every text
// passes redact, since an error may come from a driver that repeats what it was given.
func newLogger(w io.Writer, level, format string, redact func(string) string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	text := format == "text" || format == "auto" && isTerminal(w)
	opts := &slog.HandlerOptions{Level: l, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch v := a.Value.Any().(type) {
		case time.Time:
			if text && len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String(a.Key, v.Format(time.TimeOnly))
			}
		case string:
			return slog.String(a.Key, redact(v))
		case error:
			return slog.String(a.Key, redact(v.Error()))
		case fmt.Stringer:
			return slog.String(a.Key, redact(v.String()))
		}
		return a
	}}
	if text {
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(w, opts)), nil
}

// isTerminal says whether a person sees what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
