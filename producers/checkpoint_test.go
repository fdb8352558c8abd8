package producers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckpointsOfDifferentRunsDoNotMeet(t *testing.T) {
	dir := t.TempDir()
	base := CheckpointKey{Log: "l", Dataset: "d", Source: "s"}
	c, err := OpenCheckpoint(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.save(7); err != nil {
		t.Fatal(err)
	}
	others := map[string]CheckpointKey{}
	for name, change := range map[string]func(*CheckpointKey){
		"log":     func(k *CheckpointKey) { k.Log = "m" },
		"dataset": func(k *CheckpointKey) { k.Dataset = "e" },
		"format":  func(k *CheckpointKey) { k.Format = Custom },
		"mapping": func(k *CheckpointKey) { k.Mapping = mapping(t, "query=x") },
		"tenant":  func(k *CheckpointKey) { k.Tenant = "t" },
		"source":  func(k *CheckpointKey) { k.Source = "o" },
		"tags":    func(k *CheckpointKey) { k.Tags = []string{"x"} },
		"test":    func(k *CheckpointKey) { k.AsTest = true },
	} {
		k := base
		change(&k)
		others[name] = k
	}
	for name, k := range others {
		if c, err := OpenCheckpoint(dir, k); err != nil || c.Confirmed() != 0 {
			t.Errorf("another %s has %d confirmed rows, %v", name, c.Confirmed(), err)
		}
	}
	if c, err := OpenCheckpoint(dir, base); err != nil || c.Confirmed() != 7 {
		t.Errorf("the same key has %d confirmed rows, %v", c.Confirmed(), err)
	}
}

func TestCheckpointsNeverGoBackAndCanBeForgotten(t *testing.T) {
	dir, key := t.TempDir(), CheckpointKey{Dataset: "d"}
	c, err := OpenCheckpoint(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{5, 3} {
		if err := c.save(rows); err != nil || c.Confirmed() != 5 {
			t.Errorf("after %d: %d, %v", rows, c.Confirmed(), err)
		}
	}
	if err := c.note(9); err != nil || c.Confirmed() != 5 { // saved a moment ago
		t.Errorf("noted %d, %v", c.Confirmed(), err)
	}
	for range 2 {
		if err := c.Reset(); err != nil || c.Confirmed() != 0 || !c.state.UpdatedAt.IsZero() {
			t.Errorf("reset: %d, %v", c.Confirmed(), err)
		}
	}
	if c, err = OpenCheckpoint(dir, key); err != nil || c.Confirmed() != 0 {
		t.Errorf("after the reset: %d, %v", c.Confirmed(), err)
	}
}

func TestAGarbledCheckpointCountsForNothing(t *testing.T) {
	dir, key := t.TempDir(), CheckpointKey{Dataset: "d"}
	for _, content := range []string{"", "{", `{"rows": -4, "dataset": "d"}`, `{"rows": 4, "dataset": "e"}`} {
		if err := os.WriteFile(filepath.Join(dir, key.hash()+".json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCheckpoint(dir, key); err != nil || c.Confirmed() != 0 {
			t.Errorf("%q: %d, %v", content, c.Confirmed(), err)
		}
	}
	if _, err := OpenCheckpoint(filepath.Join(write(t, "file", ""), "x"), key); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("a directory that can't be made: %v", err)
	}
	var none *Checkpoint
	if none.Confirmed() != 0 || none.save(1) != nil || none.note(1) != nil || none.Reset() != nil {
		t.Error("a nil checkpoint does something")
	}
}

func TestHashFile(t *testing.T) {
	got, err := HashFile(write(t, "f", "abc"))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want || err != nil {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if _, err := HashFile("no-such-file"); err == nil {
		t.Error("a missing file has a hash")
	}
}
