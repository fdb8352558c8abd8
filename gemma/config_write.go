package gemma

import (
	"encoding/json"
	"fmt"
)

// JSON writes the configuration as a Hugging Face config.json in the flat text form, which [ParseConfig]
// reads back to an equal value and which Transformers loads.
func (c Config) JSON() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("write config.json: %w", err)
	}
	kind := map[Generation]string{Gemma1: "gemma", Gemma2: "gemma2", Gemma3: "gemma3_text"}[c.Generation]
	arch := map[Generation]string{Gemma1: "Gemma", Gemma2: "Gemma2", Gemma3: "Gemma3"}[c.Generation] + "ForCausalLM"
	eos, err := json.Marshal(c.EOS)
	if err != nil {
		return nil, err
	}
	tied := true
	h := hfConfig{
		ModelType: kind, Architectures: []string{arch}, TorchDType: "float32",
		VocabSize: &c.VocabSize, HiddenSize: &c.HiddenSize, IntermediateSize: &c.IntermediateSize,
		NumHiddenLayers: &c.Layers, NumAttentionHeads: &c.Heads, NumKeyValueHeads: &c.KVHeads,
		HeadDim: &c.HeadDim, MaxPositionEmbeddings: &c.MaxPositions, RMSNormEps: &c.RMSNormEps,
		RopeTheta: &c.RopeTheta, HiddenActivation: "gelu_pytorch_tanh", TieWordEmbeddings: &tied,
		BOS: &c.BOS, EOS: eos, PAD: &c.PAD,
	}
	if c.Generation >= Gemma2 {
		h.QueryPreAttnScalar, h.SlidingWindow = &c.QueryPreAttnScalar, &c.SlidingWindow
		h.AttnSoftCap, h.FinalSoftCap = capJSON(c.AttnSoftCap), capJSON(c.FinalSoftCap)
		for _, local := range c.Local {
			name := "full_attention"
			if local {
				name = "sliding_attention"
			}
			h.LayerTypes = append(h.LayerTypes, name)
		}
	}
	if c.Generation == Gemma3 {
		h.RopeLocalBaseFreq = &c.RopeLocalTheta
	}
	if c.RopeScale != 1 {
		h.RopeScaling = &ropeScaling{RopeType: "linear", Factor: c.RopeScale}
	}
	return json.MarshalIndent(h, "", "  ")
}

func capJSON(v float64) json.RawMessage {
	if v == 0 {
		return json.RawMessage("null")
	}
	data, _ := json.Marshal(v) // a finite float64 always marshals; Validate refused the rest
	return data
}
