package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sluice/gateway/claims"
)

// placeOf names the place of a spool in the world: where it is copied to, or when its machine starts anew, is another
// one. Of the processes of one place one runs at a time, since they lock the same file.
func placeOf(dir string) (string, error) {
	info, err := os.Stat(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("this system does not tell one file from another")
	}
	start, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		host, _ := os.Hostname()
		start = []byte(host)
	}
	return fmt.Sprintf("%s/%d/%d", strings.TrimSpace(string(start)), at.Dev, at.Ino), nil
}

// holder is this gateway as the holder of its name.
func (g *openedGateway) holder() (claims.Holder, error) {
	place, err := placeOf(g.slot.Dir)
	if err != nil {
		return claims.Holder{}, fmt.Errorf("the place of the spool: %w", err)
	}
	host, _ := os.Hostname()
	dir, err := filepath.Abs(g.slot.Dir)
	if err != nil {
		dir = g.slot.Dir
	}
	return claims.Holder{Place: place, Host: host, Dir: dir, PID: os.Getpid()}, nil
}

// holdName claims the gateway's name in the log, as long as beside, and refuses to go on where another process has it:
// its spool is a copy of this one, or this one of it. A claim that the log does not take keeps nobody from work.
func (g *openedGateway) holdName(ctx, beside context.Context, replica string) error {
	me, err := g.holder()
	if err != nil {
		return err
	}
	bucket, err := claims.Open(ctx, g.log.JS)
	if err != nil {
		return err
	}
	name := claims.NewName(bucket, replica, me)
	err = name.Take(ctx, func(who claims.Holder) {
		g.m.log.Info("a process of another place had this gateway's name a moment ago; waiting whether it lives", "name", replica, "host", who.Host, "directory", who.Dir, "process", who.PID)
	})
	switch {
	case errors.Is(err, claims.ErrTaken):
		return fmt.Errorf("the spool in %s is a copy of one that is in use (%s): %w; two of one name take each other's budgets and settle requests twice: stop that process first, or give this one an empty directory (gateway.spool.dir)", me.Dir, replica, err)
	case ctx.Err() != nil:
		return err
	case err != nil:
		g.m.log.Warn("this gateway's name is not claimed; a copy of its spool would not be noticed", "name", replica, "error", err)
	}
	g.close = append(g.close, func() error { g.freeName(ctx, name); return nil })
	g.always(beside, "claim of the gateway's name", "the gateway's name is not claimed; trying again", func() error {
		for pauseFor(beside, claims.RenewEvery); beside.Err() == nil; pauseFor(beside, claims.RenewEvery) {
			g.renewed(beside, name.Renew(beside))
		}
		return nil
	})
	return nil
}

// freeName lets the next process have the name at once, wherever it is.
func (g *openedGateway) freeName(ctx context.Context, name *claims.Name) {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := name.Free(short); err != nil {
		g.m.log.Debug("the gateway's name is free a little later", "error", err)
	}
}

// renewed hears what became of a renewal. While the log is away nothing is known, and nothing changes.
func (g *openedGateway) renewed(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, claims.ErrTaken) {
		g.m.log.Debug("the gateway's name is not renewed", "error", err)
		return
	}
	if was := g.namesake.Swap(&err); err == nil || was != nil && *was != nil {
		return
	}
	message := fmt.Sprintf("the spool in %s was copied and is in use elsewhere; this gateway is not ready any more: stop one of both (docs/operating.md): %v", g.slot.Dir, err)
	g.m.log.Error(message)
	g.alert(func() { g.raise(ctx, "spool_copied", g.slot.Dir, message, time.Now()) })
}

// unnamed says that another process runs under this gateway's name; nil: none does.
func (g *openedGateway) unnamed() error {
	if err := g.namesake.Load(); err != nil && *err != nil {
		return fmt.Errorf("the spool in %s was copied and is in use elsewhere: %w", g.slot.Dir, *err)
	}
	return nil
}
