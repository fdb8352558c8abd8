package gemma

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// hfConfig is the part of a Hugging Face config.json that changes numbers. A pointer or nil slice is a key
// that was absent, which takes the default of its generation's published configuration class.
type hfConfig struct {
	ModelType             string          `json:"model_type"`
	Architectures         []string        `json:"architectures,omitempty"`
	TextConfig            json.RawMessage `json:"text_config,omitempty"`
	VocabSize             *int            `json:"vocab_size"`
	HiddenSize            *int            `json:"hidden_size"`
	IntermediateSize      *int            `json:"intermediate_size"`
	NumHiddenLayers       *int            `json:"num_hidden_layers"`
	NumAttentionHeads     *int            `json:"num_attention_heads"`
	NumKeyValueHeads      *int            `json:"num_key_value_heads"`
	HeadDim               *int            `json:"head_dim"`
	MaxPositionEmbeddings *int            `json:"max_position_embeddings"`
	RMSNormEps            *float64        `json:"rms_norm_eps"`
	QueryPreAttnScalar    *float64        `json:"query_pre_attn_scalar,omitempty"`
	AttnSoftCap           json.RawMessage `json:"attn_logit_softcapping,omitempty"`
	FinalSoftCap          json.RawMessage `json:"final_logit_softcapping,omitempty"`
	RopeTheta             *float64        `json:"rope_theta,omitempty"`
	RopeLocalBaseFreq     *float64        `json:"rope_local_base_freq,omitempty"`
	RopeScaling           *ropeScaling    `json:"rope_scaling,omitempty"`
	RopeParameters        *ropeParameters `json:"rope_parameters,omitempty"`
	SlidingWindow         *int            `json:"sliding_window,omitempty"`
	SlidingWindowPattern  *int            `json:"sliding_window_pattern,omitempty"`
	OldPattern            *int            `json:"_sliding_window_pattern,omitempty"`
	LayerTypes            []string        `json:"layer_types,omitempty"`
	HiddenAct             string          `json:"hidden_act,omitempty"`
	HiddenActivation      string          `json:"hidden_activation,omitempty"`
	AttentionBias         bool            `json:"attention_bias"`
	Bidirectional         bool            `json:"use_bidirectional_attention,omitempty"`
	TieWordEmbeddings     *bool           `json:"tie_word_embeddings,omitempty"`
	BOS                   *int            `json:"bos_token_id"`
	EOS                   json.RawMessage `json:"eos_token_id,omitempty"`
	PAD                   *int            `json:"pad_token_id"`
	TorchDType            string          `json:"torch_dtype,omitempty"`
}

type ropeScaling struct {
	Type     string  `json:"type,omitempty"`
	RopeType string  `json:"rope_type,omitempty"`
	Factor   float64 `json:"factor"`
}

// ropeParameters is the newer spelling: one set for all layers, or one for each layer type.
type ropeParameters struct {
	ropeSet
	Full    *ropeSet `json:"full_attention,omitempty"`
	Sliding *ropeSet `json:"sliding_attention,omitempty"`
}

type ropeSet struct {
	Theta    float64 `json:"rope_theta,omitempty"`
	RopeType string  `json:"rope_type,omitempty"`
	Factor   float64 `json:"factor,omitempty"`
}

// ParseConfig reads a Hugging Face config.json: the flat form of a text model, or the nested form of a
// multimodal one, whose text_config is taken. It refuses what this package would compute wrongly: another
// architecture, untied embeddings, biases, bidirectional attention, RoPE scalings that are not linear.
func ParseConfig(data []byte) (Config, error) {
	var h hfConfig
	if err := json.Unmarshal(data, &h); err != nil {
		return Config{}, fmt.Errorf("config.json: %w", err)
	}
	if len(h.TextConfig) > 0 && !bytes.Equal(h.TextConfig, []byte("null")) {
		outer := h
		h = hfConfig{}
		if err := json.Unmarshal(outer.TextConfig, &h); err != nil {
			return Config{}, fmt.Errorf("config.json: text_config: %w", err)
		}
		inheritOuter(&h, outer)
	}
	c, err := h.config()
	if err != nil {
		return Config{}, fmt.Errorf("config.json: %w", err)
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("config.json: %w", err)
	}
	return c, nil
}

// inheritOuter fills what multimodal configurations keep outside text_config.
func inheritOuter(h *hfConfig, outer hfConfig) {
	if h.ModelType == "" && outer.ModelType == "gemma3" {
		h.ModelType = "gemma3_text"
	}
	if h.BOS == nil {
		h.BOS = outer.BOS
	}
	if len(h.EOS) == 0 {
		h.EOS = outer.EOS
	}
	if h.PAD == nil {
		h.PAD = outer.PAD
	}
}

func generationOf(modelType string) (Generation, error) {
	switch modelType {
	case "gemma":
		return Gemma1, nil
	case "gemma2":
		return Gemma2, nil
	case "gemma3_text":
		return Gemma3, nil
	case "gemma3":
		return 0, errors.New(`model_type "gemma3" needs a text_config`)
	case "":
		return 0, errors.New("no model_type")
	}
	return 0, fmt.Errorf("model_type %q is not one of gemma, gemma2, gemma3_text", modelType)
}

// defaults are those of the Transformers configuration classes, for keys that a config.json may leave out.
func defaults(g Generation) Config {
	c := Config{
		Generation: g, VocabSize: 256000, HiddenSize: 2304, IntermediateSize: 9216, Layers: 26, Heads: 8,
		KVHeads: 4, HeadDim: 256, MaxPositions: 8192, RMSNormEps: 1e-6, QueryPreAttnScalar: 256,
		RopeTheta: 1e4, RopeScale: 1, PAD: 0, EOS: []int{1}, BOS: 2,
	}
	switch g {
	case Gemma1:
		c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.KVHeads = 3072, 24576, 28, 16, 16
	case Gemma2:
		c.SlidingWindow, c.AttnSoftCap, c.FinalSoftCap = 4096, 50, 30
	case Gemma3:
		c.VocabSize, c.MaxPositions, c.SlidingWindow, c.RopeTheta = 262208, 131072, 4096, 1e6
	}
	return c
}

func (h hfConfig) config() (Config, error) {
	g, err := generationOf(h.ModelType)
	if err != nil {
		return Config{}, err
	}
	if err := h.refuse(); err != nil {
		return Config{}, err
	}
	c := defaults(g)
	set := func(to *int, from *int) {
		if from != nil {
			*to = *from
		}
	}
	set(&c.VocabSize, h.VocabSize)
	set(&c.HiddenSize, h.HiddenSize)
	set(&c.IntermediateSize, h.IntermediateSize)
	set(&c.Layers, h.NumHiddenLayers)
	set(&c.Heads, h.NumAttentionHeads)
	set(&c.KVHeads, h.NumKeyValueHeads)
	set(&c.HeadDim, h.HeadDim)
	set(&c.MaxPositions, h.MaxPositionEmbeddings)
	set(&c.BOS, h.BOS)
	set(&c.PAD, h.PAD)
	if h.RMSNormEps != nil {
		c.RMSNormEps = *h.RMSNormEps
	}
	if c.EOS, err = intOrInts(h.EOS, c.EOS); err != nil {
		return Config{}, fmt.Errorf("eos_token_id: %w", err)
	}
	if err := h.attention(&c); err != nil {
		return Config{}, err
	}
	err = h.layers(&c)
	return c, err
}

// refuse rejects settings whose numbers this package does not compute.
func (h hfConfig) refuse() error {
	act := h.HiddenActivation
	if act == "" {
		act = h.HiddenAct
	}
	switch {
	case act != "" && act != "gelu_pytorch_tanh" && act != "gelu":
		return fmt.Errorf("activation %q: only the tanh form of GELU is built", act)
	case h.AttentionBias:
		return errors.New("attention_bias is true: no Gemma has biases")
	case h.Bidirectional:
		return errors.New("use_bidirectional_attention is true: this is an encoder, not a decoder")
	case h.TieWordEmbeddings != nil && !*h.TieWordEmbeddings:
		return errors.New("tie_word_embeddings is false: every Gemma shares the embedding with the head")
	}
	return nil
}
