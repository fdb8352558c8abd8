package gemma

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sluice/gemma/gguf"
)

// readGGUF is the reader of GGUF files of the architectures gemma, gemma2 and gemma3, dequantized to float32,
// with the tokenizer.json or tokenizer.model beside it, if any.
func readGGUF(path string, visit func(m *Model, name string, t Tensor)) (*Model, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	stat, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	f, err := gguf.Open(file, stat.Size())
	if err != nil {
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	m := &Model{}
	if m.Config, err = ggufConfig(f); err != nil {
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	for _, name := range f.Names() {
		if err := m.visitGGUF(f, name, visit); err != nil {
			return nil, fmt.Errorf("load model %s: %w", path, err)
		}
	}
	dir := filepath.Dir(path)
	tokenizer, err1 := optional(dir, TokenizerFile)
	pieces, err2 := optional(dir, SentencepieceFile)
	m.Tokenizer, m.Sentencepiece = tokenizer, pieces
	return m, errors.Join(err1, err2)
}

func (m *Model) visitGGUF(f *gguf.File, name string, visit func(m *Model, name string, t Tensor)) error {
	to := ggufName(m.Config, name)
	if to == "" {
		return nil
	}
	t, err := f.Read(name)
	if err != nil {
		return err
	}
	if IsNorm(to) { // the format stores 1+w
		for i := range t.Data {
			t.Data[i]--
		}
	}
	visit(m, to, Tensor(t))
	return nil
}

// ggufParts maps the part of a layer in a GGUF file to that of a Hugging Face checkpoint.
var ggufParts = map[string]string{
	"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
	"attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
	"attn_k_norm": "self_attn.k_norm", "post_attention_norm": "post_attention_layernorm",
	"ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
	"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}

// ggufName is the Hugging Face name of a tensor; a name that is not known stays and fails the check; what a
// tied model stores twice is empty.
func ggufName(c Config, name string) string {
	switch name {
	case "token_embd.weight":
		return EmbedName
	case "output_norm.weight":
		return NormName
	case "output.weight", "rope_freqs.weight":
		return ""
	}
	var layer int
	var part string
	if _, err := fmt.Sscanf(name, "blk.%d.%s", &layer, &part); err != nil {
		return name
	}
	part = strings.TrimSuffix(part, ".weight")
	to, ok := ggufParts[part]
	if !ok {
		return name
	}
	if part == "ffn_norm" && !c.PostNorms() {
		to = "post_attention_layernorm" // Gemma 1's only other norm
	}
	return LayerName(layer, to)
}

// ggufConfig reads the architecture from metadata. What the format leaves out is the published value of the
// generation.
func ggufConfig(f *gguf.File) (Config, error) {
	arch, _ := f.Metadata["general.architecture"].(string)
	generation, ok := map[string]Generation{"gemma": Gemma1, "gemma2": Gemma2, "gemma3": Gemma3}[arch]
	if !ok {
		return Config{}, fmt.Errorf("architecture %q is none of gemma, gemma2, gemma3", arch)
	}
	c := defaults(generation)
	number := func(key string, fallback float64) float64 {
		switch v := f.Metadata[arch+"."+key].(type) {
		case uint64:
			return float64(v)
		case int64:
			return float64(v)
		case float64:
			return v
		}
		return fallback
	}
	count := func(key string) int { return int(number(key, 0)) }
	c.HiddenSize, c.Layers = count("embedding_length"), count("block_count")
	c.IntermediateSize, c.MaxPositions = count("feed_forward_length"), count("context_length")
	c.Heads, c.KVHeads, c.HeadDim = count("attention.head_count"), count("attention.head_count_kv"), count("attention.key_length")
	c.RMSNormEps = roundEps(number("attention.layer_norm_rms_epsilon", c.RMSNormEps))
	c.RopeTheta = number("rope.freq_base", c.RopeTheta)
	c.RopeLocalTheta = c.RopeTheta
	c.AttnSoftCap, c.FinalSoftCap = number("attn_logit_softcapping", c.AttnSoftCap), number("final_logit_softcapping", c.FinalSoftCap)
	c.SlidingWindow = int(number("attention.sliding_window", float64(c.SlidingWindow)))
	c.QueryPreAttnScalar = float64(c.HeadDim) // so for every size that this package is built for
	if generation == Gemma3 {
		c.RopeLocalTheta, c.RopeScale = number("rope.freq_base_swa", 1e4), number("rope.scaling.factor", 1)
	}
	ggufTokens(f, &c)
	if err := (hfConfig{}).layers(&c); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// ggufTokens reads the size of the vocabulary and the tokens that begin, end and fill a text.
func ggufTokens(f *gguf.File, c *Config) {
	if tokens, ok := f.Metadata["tokenizer.ggml.tokens"].([]string); ok {
		c.VocabSize = len(tokens)
	}
	for key, to := range map[string]*int{"bos": &c.BOS, "padding": &c.PAD} {
		if v, ok := f.Metadata["tokenizer.ggml."+key+"_token_id"].(uint64); ok {
			*to = int(v)
		}
	}
	if v, ok := f.Metadata["tokenizer.ggml.eos_token_id"].(uint64); ok {
		c.EOS = []int{int(v)}
	}
}

// roundEps undoes the detour of 1e-6 through float32.
func roundEps(v float64) float64 {
	if float32(v) == 1e-6 {
		return 1e-6
	}
	return v
}
