package gemma_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
	"sluice/gemma/safetensors"
	"sluice/wholefile"
)

func TestModelSurvivesTheRoundTrip(t *testing.T) {
	for name, c := range variants() {
		m := &gemma.Model{Config: c, Weights: reference.Weights(c, 1), Tokenizer: []byte(`{"x":1}`)}
		dir := filepath.Join(t.TempDir(), "m")
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		got, err := gemma.Load(dir)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: not what was saved (%v)", name, err)
		}
		if names, _ := filepath.Glob(filepath.Join(dir, wholefile.Unfinished+"*")); len(names) > 0 {
			t.Errorf("left %v behind", names)
		}
	}
}

// writeShards lays weights out in two files under the names of a multimodal checkpoint.
func writeShards(t *testing.T, dir string, m *gemma.Model) {
	t.Helper()
	shards := []map[string]safetensors.Tensor{{}, {"vision_tower.x.weight": {Shape: []int{1}, Data: []float32{1}}}}
	weightMap := map[string]string{"vision_tower.x.weight": "b.safetensors"}
	for i, info := range m.Config.Tensors() {
		name := "language_model." + info.Name
		shards[i%2][name] = safetensors.Tensor(m.Weights[info.Name])
		weightMap[name] = []string{"a.safetensors", "b.safetensors"}[i%2]
	}
	write := func(file string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range []string{"a.safetensors", "b.safetensors"} {
		var b bytes.Buffer
		if err := safetensors.Write(&b, shards[i], false); err != nil {
			t.Fatal(err)
		}
		write(file, b.Bytes())
	}
	index, _ := json.Marshal(map[string]any{"weight_map": weightMap})
	write(gemma.IndexFile, index)
	config, err := m.Config.JSON()
	if err != nil {
		t.Fatal(err)
	}
	write(gemma.ConfigFile, config)
}

func TestLoadFollowsAShardedIndex(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	m := &gemma.Model{Config: c, Weights: reference.Weights(c, 5)}
	dir := t.TempDir()
	writeShards(t, dir, m)
	got, err := gemma.Load(dir)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("not what was saved: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "b.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := gemma.Load(dir); err == nil || !strings.Contains(err.Error(), "b.safetensors") {
		t.Errorf("a missing shard: %v", err)
	}
	for text, want := range map[string]string{
		`{"weight_map":{"a":"../../etc/passwd"}}`: "not beside it",
		`{"weight_map":{"a":".."}}`:               "not beside it",
		`{}`:                                      "names no file",
		`[`:                                       gemma.IndexFile,
	} {
		if err := os.WriteFile(filepath.Join(dir, gemma.IndexFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := gemma.Load(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("index %s: error %v, want one that says %q", text, err, want)
		}
	}
}

func TestLoadRefusesADamagedDirectory(t *testing.T) {
	c := reference.Small(gemma.Gemma1)
	m := &gemma.Model{Config: c, Weights: reference.Weights(c, 5)}
	dir := t.TempDir()
	if _, err := gemma.Load(dir); err == nil || !strings.Contains(err.Error(), gemma.ConfigFile) {
		t.Errorf("an empty directory: %v", err)
	}
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, gemma.WeightsFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gemma.Load(dir); err == nil || !strings.Contains(err.Error(), "do not hold") {
		t.Errorf("a file cut short: %v", err)
	}
	delete(m.Weights, gemma.NormName)
	if err := m.Save(dir); err == nil {
		t.Error("a model without its last norm was saved")
	}
}

// ggufFile writes weights as a GGUF file would hold them: its names, 1+w in norms, linears of whole blocks as
// Q8_0 and the rest as F32.
func ggufFile(c gemma.Config, w gemma.Weights) []byte {
	little := binary.LittleEndian
	text := func(b []byte, s string) []byte { return append(little.AppendUint64(b, uint64(len(s))), s...) }
	var head, infos, data []byte
	var values uint64
	meta := func(key string, kind uint32, bits uint32) {
		head = little.AppendUint32(little.AppendUint32(text(head, key), kind), bits)
		values++
	}
	arch := map[gemma.Generation]string{gemma.Gemma1: "gemma", gemma.Gemma2: "gemma2", gemma.Gemma3: "gemma3"}[c.Generation]
	head = text(little.AppendUint32(text(head, "general.architecture"), 8), arch)
	head = little.AppendUint64(little.AppendUint32(little.AppendUint32(text(head, "tokenizer.ggml.tokens"), 9), 8), uint64(c.VocabSize))
	head = append(head, make([]byte, 8*c.VocabSize)...) // empty strings
	values += 2
	for key, v := range map[string]int{
		"embedding_length": c.HiddenSize, "block_count": c.Layers, "feed_forward_length": c.IntermediateSize,
		"context_length": c.MaxPositions, "attention.head_count": c.Heads, "attention.head_count_kv": c.KVHeads,
		"attention.key_length": c.HeadDim, "attention.sliding_window": c.SlidingWindow,
	} {
		meta(arch+"."+key, 4, uint32(v))
	}
	for key, v := range map[string]float64{
		"attention.layer_norm_rms_epsilon": c.RMSNormEps, "rope.freq_base": c.RopeTheta, "rope.scaling.factor": c.RopeScale,
		"attn_logit_softcapping": c.AttnSoftCap, "final_logit_softcapping": c.FinalSoftCap,
	} {
		meta(arch+"."+key, 6, math.Float32bits(float32(v)))
	}
	for _, info := range c.Tensors() {
		infos = little.AppendUint32(text(infos, ggufNameOf(c, info.Name)), uint32(len(info.Shape)))
		for _, d := range slices.Backward(info.Shape) {
			infos = little.AppendUint64(infos, uint64(d))
		}
		kind, packed := packGGUF(info, w[info.Name].Data)
		infos = little.AppendUint64(little.AppendUint32(infos, kind), uint64(len(data)))
		data = append(data, packed...)
		data = append(data, make([]byte, (32-len(data)%32)%32)...)
	}
	out := little.AppendUint64(little.AppendUint64([]byte("GGUF\x03\x00\x00\x00"), uint64(len(c.Tensors()))), values)
	out = append(append(out, head...), infos...)
	out = append(out, make([]byte, (32-len(out)%32)%32)...)
	return append(out, data...)
}

// packGGUF rounds linears to Q8_0 with a scale of 1/64 in place, so that the file holds exactly what w holds.
func packGGUF(info gemma.TensorInfo, values []float32) (kind uint32, data []byte) {
	if gemma.IsNorm(info.Name) || len(values)%32 != 0 {
		for i, v := range values {
			if gemma.IsNorm(info.Name) {
				v++
				values[i] = v - 1
			}
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		return 0, data
	}
	for i, v := range values {
		if i%32 == 0 {
			data = append(data, 0, 0x24) // 2^-6
		}
		q := int8(max(-127, min(127, math.Round(float64(v)*64))))
		values[i] = float32(q) / 64
		data = append(data, byte(q))
	}
	return 8, data
}

func ggufNameOf(c gemma.Config, name string) string {
	switch name {
	case gemma.EmbedName:
		return "token_embd.weight"
	case gemma.NormName:
		return "output_norm.weight"
	}
	parts := strings.SplitN(name, ".", 4)
	part := map[string]string{
		"input_layernorm.weight": "attn_norm", "self_attn.q_proj.weight": "attn_q", "self_attn.k_proj.weight": "attn_k",
		"self_attn.v_proj.weight": "attn_v", "self_attn.o_proj.weight": "attn_output", "self_attn.q_norm.weight": "attn_q_norm",
		"self_attn.k_norm.weight": "attn_k_norm", "post_attention_layernorm.weight": "post_attention_norm",
		"pre_feedforward_layernorm.weight": "ffn_norm", "post_feedforward_layernorm.weight": "post_ffw_norm",
		"mlp.gate_proj.weight": "ffn_gate", "mlp.up_proj.weight": "ffn_up", "mlp.down_proj.weight": "ffn_down",
	}[parts[3]]
	if c.Generation == gemma.Gemma1 && part == "post_attention_norm" {
		part = "ffn_norm"
	}
	return "blk." + parts[2] + "." + part + ".weight"
}

func TestGGUFFilesOfEveryGenerationAreRead(t *testing.T) {
	for name, c := range variants() {
		c.QueryPreAttnScalar = float64(c.HeadDim)
		if c.Generation == gemma.Gemma3 {
			c.Local = []bool{true, true, true} // the published pattern makes every sixth layer global
		}
		if c.Generation == gemma.Gemma1 {
			c.SlidingWindow = 0
		}
		w := reference.Weights(c, 14)
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(path, ggufFile(c, w), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := gemma.Load(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(m.Config, c) || !reflect.DeepEqual(m.Weights, w) {
			t.Errorf("%s: read %+v\nwrote %+v", name, m.Config, c)
		}
		tokens, completion := reference.Tokens(c, 7, 1), []int{4, 9}
		got, err := newScorer(t, m.Config, m.Weights, nil).LogProb(t.Context(), tokens, completion)
		if want := byReference(c, w, tokens, completion); err != nil || math.Abs(got-want) > 1e-4 {
			t.Errorf("%s: log-probability %g, reference %g (%v)", name, got, want, err)
		}
	}
}
