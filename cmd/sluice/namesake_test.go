package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/gateway/claims"
)

func TestASpoolThatIsCopiedAndStartedBesideItsOriginalIsRefused(t *testing.T) {
	p := newProgram(t)
	p.withLog(func(ctx context.Context, l *openedLog) {
		m := p.opened()
		cfg := m.config
		cfg.Gateway.Spool.Dir = t.TempDir()
		g, err := m.openGateway(ctx, cfg, l, neverAsked{})
		if err != nil {
			t.Fatal(err)
		}
		beside := cfg
		beside.Gateway.Spool.Dir = t.TempDir()
		if err := os.CopyFS(beside.Gateway.Spool.Dir, os.DirFS(cfg.Gateway.Spool.Dir)); err != nil {
			t.Fatal(err)
		}
		_, err = m.openGateway(ctx, beside, l, neverAsked{})
		if err == nil || !errors.Is(err, claims.ErrTaken) || !strings.Contains(err.Error(), filepath.Join(cfg.Gateway.Spool.Dir, "0")) ||
			!strings.Contains(err.Error(), "gateway.spool.dir") {
			t.Errorf("the copy's start: %v", err)
		}
		if err := errors.Join(g.readiness(ctx), g.Close(ctx)); err != nil {
			t.Error(err)
		}
		began := time.Now() // the original has stopped
		g, err = m.openGateway(ctx, beside, l, neverAsked{})
		if err != nil || time.Since(began) >= 2*claims.RenewEvery { // what it would wait for at least
			t.Fatalf("the copy alone, after %v: %v", time.Since(began), err)
		}
		if err := g.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestAGatewayWhoseNameWasTakenIsNotReadyUntilItIsItsOwnAgain(t *testing.T) {
	newProgram(t).withGateway(func(ctx context.Context, g *openedGateway) {
		g.renewed(ctx, errors.New("the log is away"))
		if err := g.readiness(ctx); err != nil {
			t.Errorf("the log being away: %v", err)
		}
		g.renewed(ctx, claims.ErrTaken)
		g.renewed(ctx, errors.New("the log is away"))
		if err := g.readiness(ctx); !errors.Is(err, claims.ErrTaken) {
			t.Errorf("readiness says %v", err)
		}
		g.renewed(ctx, nil)
		if err := g.readiness(ctx); err != nil {
			t.Errorf("its own again: %v", err)
		}
	})
}

func TestAPlaceIsTheSameAfterARestartAndAnotherOneForACopy(t *testing.T) {
	place := func(dir string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at, err := placeOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	one, other := t.TempDir(), t.TempDir()
	if first := place(one); place(one) != first || place(other) == first {
		t.Errorf("%s, again %s, elsewhere %s", first, place(one), place(other))
	}
}
