package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/gemma"
	"sluice/gemma/learn"
	"sluice/wholefile"
)

// checkpoint is where a run is. Its file is written last and names the others, so that a run that was killed
// while it wrote goes on from the checkpoint before.
type checkpoint struct {
	// Job identifies rows and options: a checkpoint of another job is refused.
	Job   string `json:"job"`
	Stage string `json:"stage"`
	// Step is the number of steps of the stage that are done.
	Step int `json:"step"`
	// Trainer and Weights are files: the optimiser's state, and the weights of the best candidate.
	Trainer string `json:"trainer"`
	Weights string `json:"weights,omitempty"`
	// Sums are the SHA-256 of both, in hex, by name.
	Sums map[string]string `json:"sums"`

	Kept       *candidate  `json:"kept,omitempty"`
	BaseNLL    float64     `json:"base_nll"`
	FinalNLL   float64     `json:"final_nll"`
	References [][]float64 `json:"references,omitempty"`

	Steps  int     `json:"steps"`
	Tokens int64   `json:"tokens"`
	FLOPs  float64 `json:"flops"`
}

const checkpointFile = "checkpoint.json"

// ErrCheckpoint says that a checkpoint can't be gone on from: it is of other rows or options, of another version of
// this program, or torn. Without it the run begins anew.
var ErrCheckpoint = errors.New("the checkpoint is of no use")

// useless marks what is wrong with a checkpoint.
func useless(err error) error { return fmt.Errorf("%w: %w", ErrCheckpoint, err) }

// job identifies what decides the result.
func (r *run) job() (string, error) {
	o := r.options
	var base any
	if o.Base != nil {
		base = *o.Base
	}
	aside := make([]string, len(r.aside)) // another version of this program may divide the rows otherwise
	for i, row := range r.aside {
		aside[i] = row.ID
	}
	data, err := json.Marshal([]any{r.set.Digest(), aside, o.Policies, o.Seed, o.Backend, o.Epochs, base, r.start.prompt.Version, r.start.model.Config})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}

// save writes a checkpoint and removes the one before.
func (r *run) save() error {
	dir := r.options.Checkpoints
	if dir == "" {
		return nil
	}
	if err := r.write(dir); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

func (r *run) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return err
	}
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	p := r.point
	p.Steps, p.Tokens, p.FLOPs = r.report.Steps, r.report.Tokens, r.report.FLOPs
	if p.Job, err = r.job(); err != nil {
		return err
	}
	p.Sums = map[string]string{}
	p.Trainer = fmt.Sprintf("%s-%06d.safetensors", p.Stage, p.Step)
	if p.Sums[p.Trainer], err = writeState(filepath.Join(dir, p.Trainer), state); err != nil {
		return err
	}
	if p.Kept != nil {
		p.Weights = fmt.Sprintf("kept-%s-%06d.safetensors", p.Stage, p.Step)
		if p.Sums[p.Weights], err = writeState(filepath.Join(dir, p.Weights), learn.State{Tensors: p.Kept.weights}); err != nil {
			return err
		}
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := wholefile.Write(filepath.Join(dir, checkpointFile), data, 0o666); err != nil {
		return err
	}
	return sweep(dir, p)
}

// sweep removes the files of earlier checkpoints, and those that a kill left unfinished.
func sweep(dir string, p checkpoint) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		earlier := strings.HasSuffix(e.Name(), ".safetensors") && e.Name() != p.Trainer && e.Name() != p.Weights
		if earlier || strings.HasPrefix(e.Name(), wholefile.Unfinished) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// writeState returns the file's digest.
func writeState(path string, s learn.State) (string, error) {
	sum := sha256.New()
	err := wholefile.By(path, 0o666, func(w io.Writer) error { return s.Write(io.MultiWriter(w, sum)) })
	return hex.EncodeToString(sum.Sum(nil)), err
}

// resume reads the checkpoint, if there is one. The trainer's state is read when its stage begins.
func (r *run) resume() error {
	if r.options.Checkpoints == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(r.options.Checkpoints, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var p checkpoint
	if err := json.Unmarshal(data, &p); err != nil {
		return useless(err)
	}
	job, err := r.job()
	if err != nil {
		return err
	}
	if p.Job != job {
		return useless(fmt.Errorf("that in %s is of job %s, this is %s: use another directory", r.options.Checkpoints, p.Job, job))
	}
	if p.Kept != nil {
		s, err := readState(r.options.Checkpoints, p.Weights, p.Sums)
		if err != nil {
			return err
		}
		p.Kept.weights = gemma.Weights(s.Tensors)
	}
	r.point = p
	r.report.Steps, r.report.Tokens, r.report.FLOPs, r.report.Resumed = p.Steps, p.Tokens, p.FLOPs, p.Steps
	return nil
}

// restoreTrainer sets the trainer to the checkpoint that the run goes on from.
func (r *run) restoreTrainer() error {
	if r.point.Trainer == "" {
		return nil
	}
	s, err := readState(r.options.Checkpoints, r.point.Trainer, r.point.Sums)
	if err != nil {
		return err
	}
	r.point.Trainer = "" // the next stage begins with fresh moments
	if err := r.trainer.Restore(s); err != nil {
		return useless(err)
	}
	return nil
}

func readState(dir, name string, sums map[string]string) (learn.State, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return learn.State{}, useless(err)
	}
	defer func() { _ = f.Close() }() // read only
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return learn.State{}, useless(err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != sums[name] {
		return learn.State{}, useless(fmt.Errorf("%s is not what was written", name))
	}
	state, err := learn.ReadState(f, size)
	if err != nil {
		return state, useless(err)
	}
	return state, nil
}
