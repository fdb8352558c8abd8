package producers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/wholefile"
)

// CheckpointKey says what a checkpoint is of. Whatever changes what would be published, or where,
// belongs to it.
type CheckpointKey struct {
	// Log tells one log from another (the QUERIES stream's creation time will do): a checkpoint of a log
	// that is gone must not count.
	Log string
	// Dataset is [HashFile] of the file, with its format and mapping.
	Dataset string
	Format  Format
	Mapping Mapping
	Tenant  string
	Source  string
	Tags    []string
	AsTest  bool
}

func (k CheckpointKey) hash() string {
	split := ""
	if k.AsTest {
		split = string(sluice.Test)
	}
	return sluice.HashID("checkpoint", k.Log, k.Dataset, string(k.Format), k.Mapping.String(), k.Tenant, k.Source,
		strings.Join(k.Tags, "\x00"), split)
}

// saveEvery bounds how far the file lags behind what is confirmed. It may lag and never leads: rows
// published once more change nothing.
const saveEvery = time.Second

// Checkpoint remembers how many rows of a data set the log has confirmed. A nil *Checkpoint remembers
// nothing. It is for one run at a time; two runs of one data set do no harm but waste work.
type Checkpoint struct {
	path  string
	state checkpointState
	saved time.Time
}

type checkpointState struct {
	// Rows counts rows of the file from its first, those left out included.
	Rows      int       `json:"rows"`
	Source    string    `json:"source"`
	Tenant    string    `json:"tenant,omitempty"`
	Dataset   string    `json:"dataset"`
	UpdatedAt time.Time `json:"updated_at"`
}

// OpenCheckpoint finds the checkpoint of the key under dir, or begins one; dir is made if need be. A
// file that can't be parsed counts for nothing: publishing again is safe.
func OpenCheckpoint(dir string, k CheckpointKey) (*Checkpoint, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	c := &Checkpoint{
		path:  filepath.Join(dir, k.hash()+".json"),
		state: checkpointState{Source: k.Source, Tenant: k.Tenant, Dataset: k.Dataset},
	}
	data, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var was checkpointState
	if json.Unmarshal(data, &was) == nil && was.Rows > 0 && was.Dataset == k.Dataset {
		c.state = was
	}
	return c, nil
}

// Confirmed is how many rows from the file's first need no publishing.
func (c *Checkpoint) Confirmed() int {
	if c == nil {
		return 0
	}
	return c.state.Rows
}

// Reset forgets everything, for whoever wants to publish all rows again.
func (c *Checkpoint) Reset() error {
	if c == nil {
		return nil
	}
	c.state.Rows, c.state.UpdatedAt = 0, time.Time{}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// note remembers the confirmed rows and writes them down at most once a second.
func (c *Checkpoint) note(rows int) error {
	if c == nil || time.Since(c.saved) < saveEvery {
		return nil
	}
	return c.save(rows)
}

// save writes the confirmed rows down, in one step. Fewer than are known already change nothing.
func (c *Checkpoint) save(rows int) error {
	if c == nil || rows <= c.state.Rows {
		return nil
	}
	c.state.Rows, c.state.UpdatedAt = rows, time.Now().UTC()
	data, err := json.Marshal(c.state)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := wholefile.Write(c.path, data, 0o600); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	c.saved = time.Now()
	return nil
}
