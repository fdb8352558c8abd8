package gemma

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// attention fills scale, soft-caps and RoPE.
func (h hfConfig) attention(c *Config) (err error) {
	if c.Generation == Gemma1 {
		c.QueryPreAttnScalar = float64(c.HeadDim) // Gemma 1 has no such key and scales by the head's width
	} else if h.QueryPreAttnScalar != nil {
		c.QueryPreAttnScalar = *h.QueryPreAttnScalar
	}
	if c.Generation != Gemma1 {
		if c.AttnSoftCap, err = numberOrNull(h.AttnSoftCap, c.AttnSoftCap); err != nil {
			return fmt.Errorf("attn_logit_softcapping: %w", err)
		}
		if c.FinalSoftCap, err = numberOrNull(h.FinalSoftCap, c.FinalSoftCap); err != nil {
			return fmt.Errorf("final_logit_softcapping: %w", err)
		}
	}
	return h.rope(c)
}

// rope reads both spellings: rope_theta with rope_scaling, and rope_parameters.
func (h hfConfig) rope(c *Config) error {
	if h.RopeTheta != nil {
		c.RopeTheta = *h.RopeTheta
	}
	c.RopeLocalTheta = c.RopeTheta
	if c.Generation == Gemma3 {
		c.RopeLocalTheta = 1e4
		if h.RopeLocalBaseFreq != nil {
			c.RopeLocalTheta = *h.RopeLocalBaseFreq
		}
	}
	if s := h.RopeScaling; s != nil {
		kind := s.RopeType
		if kind == "" {
			kind = s.Type
		}
		if err := c.scaleRope(kind, s.Factor); err != nil {
			return fmt.Errorf("rope_scaling: %w", err)
		}
	}
	if p := h.RopeParameters; p != nil {
		full, sliding := p.Full, p.Sliding
		if full == nil {
			full = &p.ropeSet
		}
		if full.Theta > 0 {
			c.RopeTheta = full.Theta
			if c.Generation != Gemma3 {
				c.RopeLocalTheta = full.Theta
			}
		}
		if sliding != nil && sliding.Theta > 0 {
			c.RopeLocalTheta = sliding.Theta
		}
		if err := c.scaleRope(full.RopeType, full.Factor); err != nil {
			return fmt.Errorf("rope_parameters: %w", err)
		}
	}
	return nil
}

func (c *Config) scaleRope(kind string, factor float64) error {
	switch kind {
	case "", "default":
		return nil
	case "linear":
		if factor < 1 {
			return fmt.Errorf("linear factor is %g, must be at least 1", factor)
		}
		c.RopeScale = factor
		return nil
	}
	return fmt.Errorf("type %q: only default and linear are built", kind)
}

// mostLayers is far beyond any Gemma; a file that says more is damaged, and must not be believed when room is made.
const mostLayers = 1 << 10

// layers says which layers are local: by layer_types where given, else by the generation's pattern.
func (h hfConfig) layers(c *Config) error {
	if c.Layers > mostLayers {
		return fmt.Errorf("num_hidden_layers is %d, at most %d can be", c.Layers, mostLayers)
	}
	if h.SlidingWindow != nil {
		c.SlidingWindow = *h.SlidingWindow
	}
	pattern := map[Generation]int{Gemma1: 1, Gemma2: 2, Gemma3: 6}[c.Generation]
	if c.Generation == Gemma3 {
		for _, p := range []*int{h.SlidingWindowPattern, h.OldPattern} {
			if p != nil {
				pattern = *p
			}
		}
	}
	if pattern <= 0 {
		return fmt.Errorf("sliding_window_pattern is %d, must be positive", pattern)
	}
	c.Local = make([]bool, max(c.Layers, 0))
	for i := range c.Local {
		c.Local[i] = (i+1)%pattern != 0
	}
	if h.LayerTypes == nil || c.Generation == Gemma1 {
		return nil
	}
	c.Local = make([]bool, len(h.LayerTypes))
	for i, kind := range h.LayerTypes {
		switch kind {
		case "sliding_attention":
			c.Local[i] = true
		case "full_attention":
		default:
			return fmt.Errorf("layer_types: layer %d is %q, must be sliding_attention or full_attention", i, kind)
		}
	}
	return nil
}

// numberOrNull reads a number; null switches the setting off; absence keeps the default.
func numberOrNull(raw json.RawMessage, absent float64) (float64, error) {
	if len(raw) == 0 {
		return absent, nil
	}
	if bytes.Equal(raw, []byte("null")) {
		return 0, nil
	}
	var v float64
	err := json.Unmarshal(raw, &v)
	return v, err
}

func intOrInts(raw json.RawMessage, absent []int) ([]int, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return absent, nil
	}
	var many []int
	if json.Unmarshal(raw, &many) == nil {
		return many, nil
	}
	var one int
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, err
	}
	return []int{one}, nil
}
