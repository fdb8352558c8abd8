package gemma

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/gemma/safetensors"
	"sluice/wholefile"
)

// Names of the files of a model directory.
const (
	ConfigFile        = "config.json"
	WeightsFile       = "model.safetensors"
	IndexFile         = "model.safetensors.index.json"
	TokenizerFile     = "tokenizer.json"
	SentencepieceFile = "tokenizer.model"
)

// Model is what a directory or a file holds.
type Model struct {
	Config  Config
	Weights Weights
	// Tokenizer is the content of tokenizer.json, and Sentencepiece of tokenizer.model; nil where there is none.
	Tokenizer, Sentencepiece []byte
}

// Load reads a model from a directory in the layout of Hugging Face (config.json, the weights in one or several
// safetensors files, the tokenizer if there is one), or from a GGUF file. Weights are checked against the
// configuration: missing, superfluous or wrongly shaped ones are errors that name every such tensor. Tensors of other
// towers of a multimodal model are left out.
func Load(path string) (*Model, error) {
	weights := Weights{}
	m, err := readerOf(path)(path, func(_ *Model, name string, t Tensor) { weights[name] = t })
	if err != nil {
		return nil, err
	}
	if err := weights.Check(m.Config); err != nil {
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	m.Weights = weights
	return m, nil
}

// reader reads configuration and tokenizer, and lets visit have each tensor.
type reader func(path string, visit func(m *Model, name string, t Tensor)) (*Model, error)

func readerOf(path string) reader {
	if strings.EqualFold(filepath.Ext(path), ".gguf") {
		return readGGUF
	}
	return readDir
}

// Verify reads a model as [Load] does and finds the same faults, but keeps one tensor at a time: what it returns
// has no weights, and takes no more memory than the largest tensor.
func Verify(path string) (*Model, error) {
	var c *check
	m, err := readerOf(path)(path, func(m *Model, name string, t Tensor) {
		if c == nil {
			c = newCheck(m.Config)
		}
		c.add(name, t)
	})
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = newCheck(m.Config)
	}
	if err := c.err(); err != nil {
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	return m, nil
}

// readDir is the reader of directories.
func readDir(dir string, visit func(m *Model, name string, t Tensor)) (*Model, error) {
	data, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	m := &Model{}
	if m.Config, err = ParseConfig(data); err != nil {
		return nil, fmt.Errorf("load model %s: %w", dir, err)
	}
	files, err := shards(dir)
	if err != nil {
		return nil, fmt.Errorf("load model %s: %w", dir, err)
	}
	for _, file := range files {
		err := readShard(filepath.Join(dir, file), func(name string, t Tensor) { visit(m, name, t) })
		if err != nil {
			return nil, fmt.Errorf("load model %s: %s: %w", dir, file, err)
		}
	}
	if m.Tokenizer, err = optional(dir, TokenizerFile); err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	if m.Sentencepiece, err = optional(dir, SentencepieceFile); err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	return m, nil
}

func optional(dir, file string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// shards lists the weight files of a directory: those that the index names, or the only one.
func shards(dir string) ([]string, error) {
	data, err := optional(dir, IndexFile)
	if err != nil || data == nil {
		return []string{WeightsFile}, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", IndexFile, err)
	}
	files := slices.Compact(slices.Sorted(maps.Values(index.WeightMap)))
	if len(files) == 0 {
		return nil, fmt.Errorf("%s names no file", IndexFile)
	}
	for _, file := range files {
		if file != filepath.Base(file) || !filepath.IsLocal(file) {
			return nil, fmt.Errorf("%s names %q, which is not beside it", IndexFile, file)
		}
	}
	return files, nil
}

func readShard(path string, visit func(name string, t Tensor)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read only
	stat, err := file.Stat()
	if err != nil {
		return err
	}
	wanted := func(name string) bool { return canonical(name) != "" }
	return safetensors.Each(file, stat.Size(), wanted, func(name string, t safetensors.Tensor) { visit(canonical(name), Tensor(t)) })
}

// canonical is the name of a tensor in a text-only checkpoint, and empty for what a text model does not need:
// other towers, a head that is the embedding again, stored RoPE tables.
func canonical(name string) string {
	if rest, ok := strings.CutPrefix(name, "language_model."); ok {
		name = rest
	}
	if rest, ok := strings.CutPrefix(name, "model.language_model."); ok {
		name = "model." + rest
	}
	if !strings.HasPrefix(name, "model.") || strings.HasSuffix(name, ".rotary_emb.inv_freq") ||
		strings.HasPrefix(name, "model.vision_tower.") || strings.HasPrefix(name, "model.multi_modal_projector.") {
		return ""
	}
	return name
}

// Save writes the model as a directory that [Load] and other tools read, its weights as float32. Each file is complete
// before it bears its name, and config.json comes last, so that a directory with a configuration is whole.
func (m *Model) Save(dir string) error {
	if err := m.Weights.Check(m.Config); err != nil {
		return fmt.Errorf("save model %s: %w", dir, err)
	}
	config, err := m.Config.JSON()
	if err != nil {
		return fmt.Errorf("save model %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	err = wholefile.By(filepath.Join(dir, WeightsFile), 0o644, func(w io.Writer) error {
		tensors := make(map[string]safetensors.Tensor, len(m.Weights))
		for name, t := range m.Weights {
			tensors[name] = safetensors.Tensor(t)
		}
		return safetensors.Write(w, tensors, false)
	})
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	for _, part := range []struct {
		file string
		data []byte
	}{{TokenizerFile, m.Tokenizer}, {SentencepieceFile, m.Sentencepiece}, {ConfigFile, config}} {
		if part.data == nil {
			continue
		}
		if err := wholefile.Write(filepath.Join(dir, part.file), part.data, 0o644); err != nil {
			return fmt.Errorf("save model: %w", err)
		}
	}
	return nil
}
