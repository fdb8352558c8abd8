package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// instant is a point in time on the command line: a span back from now (90m, 7d), a day, or RFC 3339.
type instant struct{ time.Time }

// UnmarshalText reads it. Spans count back from the present.
func (i *instant) UnmarshalText(text []byte) error {
	at, err := parseInstant(string(text), time.Now())
	if err != nil {
		return err
	}
	i.Time = at
	return nil
}

func parseInstant(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.UTC().AddDate(0, 0, -n), nil
		}
	}
	if span, err := time.ParseDuration(text); err == nil && span >= 0 {
		return now.UTC().Add(-span), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: want a span (90m, 7d), a day (2026-01-31) or 2026-01-31T12:00:00Z", text)
}

// dollars is an amount of money on the command line: "2.50".
type dollars struct {
	micro int64
	set   bool
}

// UnmarshalText reads dollars with at most six decimals.
func (d *dollars) UnmarshalText(text []byte) error {
	s := strings.TrimPrefix(strings.TrimSpace(string(text)), "$")
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > 6 || len(whole) > 9 || whole == "" {
		return fmt.Errorf("%q is not an amount of US dollars such as 2.50", text)
	}
	micro, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", 6-len(fraction)), 10, 63)
	if err != nil {
		return fmt.Errorf("%q is not an amount of US dollars such as 2.50", text)
	}
	d.micro, d.set = int64(micro), true
	return nil
}

// address is where to listen, on the command line: host:port; empty is none.
type address string

// UnmarshalText reads it. Names, of hosts and of ports, are the listener's to tell.
func (a *address) UnmarshalText(text []byte) error {
	*a = address(text)
	if *a == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(string(text))
	if n, number := strconv.Atoi(port); err != nil || number == nil && (n < 0 || n > 65535) {
		return fmt.Errorf("%q is no address: want host:port, as 127.0.0.1:8080", text)
	}
	return nil
}
