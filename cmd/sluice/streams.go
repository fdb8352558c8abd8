package main

import (
	"context"
	"errors"
	"fmt"

	"sluice/streams"
)

// streamsCmd is about the streams of the log.
type streamsCmd struct {
	Permissions streamsPermissionsCmd `cmd:"" help:"Print the users and permissions of every role, for a nats-server.conf."`
	Apply       streamsApplyCmd       `cmd:"" help:"Create every stream and bucket, or change those that exist to the configuration. Removes no message, but those that a lowered nats.max_age makes too old."`
}

type streamsApplyCmd struct{}

// Run applies and names what is there.
func (streamsApplyCmd) Run(ctx context.Context, m *Main) (err error) {
	if m.restricted() {
		return usagef("streams apply: the role %s may change no stream; run it with nats.role empty or operator", m.config.NATS.Role)
	}
	l, err := m.openLog(ctx, "streams apply", toApply)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, name := range streams.Names() {
		if _, err := fmt.Fprintln(m.Stdout, name); err != nil {
			return err
		}
	}
	return nil
}

type streamsPermissionsCmd struct{}

// Run prints the authorization block; it connects to nothing and holds no password.
func (streamsPermissionsCmd) Run(m *Main) error {
	return streams.WriteAuthorization(m.Stdout, stageVersion)
}
