package gemma_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sluice/gemma"
)

// The published parameter counts of the checkpoints are the witness that every shape is right.
func TestParseConfigReadsThePublishedModels(t *testing.T) {
	for _, c := range []struct {
		file       string
		parameters int
		locals     int
		generation gemma.Generation
	}{
		{"gemma-2b.json", 2_506_172_416, 0, gemma.Gemma1},
		{"gemma-7b.json", 8_537_680_896, 0, gemma.Gemma1},
		{"gemma-2-2b.json", 2_614_341_888, 13, gemma.Gemma2},
		{"gemma-3-270m.json", 268_098_176, 15, gemma.Gemma3},
		{"gemma-3-1b.json", 999_885_952, 22, gemma.Gemma3},
	} {
		t.Run(c.file, func(t *testing.T) {
			config := readConfig(t, c.file)
			locals := 0
			for _, l := range config.Local {
				if l {
					locals++
				}
			}
			if got := config.Parameters(); got != c.parameters {
				t.Errorf("parameters %d, published %d", got, c.parameters)
			}
			if config.Generation != c.generation || locals != c.locals {
				t.Errorf("generation %d with %d local layers, want %d with %d", config.Generation, locals, c.generation, c.locals)
			}
		})
	}
}

func readConfig(t *testing.T, file string) gemma.Config {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	config, err := gemma.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestGemma2AlternatesAndCaps(t *testing.T) {
	c := readConfig(t, "gemma-2-2b.json")
	if !c.Local[0] || c.Local[1] || c.Window(0) != 4096 || c.Window(1) != 0 {
		t.Errorf("layers %v, windows %d %d", c.Local[:2], c.Window(0), c.Window(1))
	}
	if c.AttnSoftCap != 50 || c.FinalSoftCap != 30 || c.QueryScale() != 1.0/16 {
		t.Errorf("caps %g %g, scale %g", c.AttnSoftCap, c.FinalSoftCap, c.QueryScale())
	}
}

func TestGemma3LocalAndGlobalBases(t *testing.T) {
	c := readConfig(t, "gemma-3-270m.json")
	local, _ := c.Theta(0)
	global, _ := c.Theta(5)
	if local != 1e4 || global != 1e6 || c.AttnSoftCap != 0 || !reflect.DeepEqual(c.EOS, []int{1, 106}) {
		t.Errorf("bases %g %g, cap %g, eos %v", local, global, c.AttnSoftCap, c.EOS)
	}
}

// The nested form leaves most keys to the defaults of the configuration class.
func TestParseConfigTakesTheNestedTextConfig(t *testing.T) {
	c, err := gemma.ParseConfig([]byte(`{"model_type":"gemma3","eos_token_id":[1,106],
		"text_config":{"model_type":"gemma3_text","hidden_size":2560,"intermediate_size":10240,
		"num_hidden_layers":34,"rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},
		"vision_config":{"hidden_size":1152}}`))
	if err != nil {
		t.Fatal(err)
	}
	base, position := c.Theta(5)
	if c.HiddenSize != 2560 || c.Heads != 8 || c.KVHeads != 4 || c.SlidingWindow != 1024 || len(c.EOS) != 2 {
		t.Errorf("%+v", c)
	}
	if base != 1e6 || position != 0.125 {
		t.Errorf("global layer: base %g, position factor %g", base, position)
	}
	if _, local := c.Theta(0); local != 1 {
		t.Errorf("a local layer scales its positions by %g", local)
	}
}

func TestParseConfigReadsRopeParameters(t *testing.T) {
	c, err := gemma.ParseConfig([]byte(`{"model_type":"gemma3_text","num_hidden_layers":6,"rope_parameters":{
		"full_attention":{"rope_theta":500000,"rope_type":"linear","factor":4},
		"sliding_attention":{"rope_theta":20000,"rope_type":"default"}}}`))
	if err != nil || c.RopeTheta != 5e5 || c.RopeLocalTheta != 2e4 || c.RopeScale != 4 {
		t.Errorf("%g %g %g, %v", c.RopeTheta, c.RopeLocalTheta, c.RopeScale, err)
	}
}

func TestConfigSurvivesTheRoundTrip(t *testing.T) {
	configs := []gemma.Config{gemma.Tiny()}
	for _, f := range []string{"gemma-2b.json", "gemma-2-2b.json", "gemma-3-270m.json", "gemma-3-1b.json"} {
		configs = append(configs, readConfig(t, f))
	}
	for _, c := range configs {
		data, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := gemma.ParseConfig(data)
		if err != nil || !reflect.DeepEqual(c, back) {
			t.Errorf("wrote %+v\nread %+v\n%v", c, back, err)
		}
	}
}

func TestParseConfigRefusesWhatItWouldComputeWrongly(t *testing.T) {
	for name, c := range map[string][2]string{
		"other architecture": {`{"model_type":"llama"}`, `"llama"`},
		"no model type":      {`{}`, "model_type"},
		"no text config":     {`{"model_type":"gemma3"}`, "text_config"},
		"untied":             {`{"model_type":"gemma","tie_word_embeddings":false}`, "tie_word_embeddings"},
		"bias":               {`{"model_type":"gemma","attention_bias":true}`, "attention_bias"},
		"encoder":            {`{"model_type":"gemma3_text","use_bidirectional_attention":true}`, "encoder"},
		"activation":         {`{"model_type":"gemma","hidden_activation":"silu"}`, "silu"},
		"rope scaling":       {`{"model_type":"gemma3_text","rope_scaling":{"rope_type":"yarn","factor":2}}`, "yarn"},
		"heads":              {`{"model_type":"gemma","num_attention_heads":3,"num_key_value_heads":2}`, "num_key_value_heads 2"},
		"layer type":         {`{"model_type":"gemma2","layer_types":["chunked"]}`, "chunked"},
		"layer count":        {`{"model_type":"gemma2","layer_types":["full_attention"]}`, "1 layer types for 26"},
		"negative":           {`{"model_type":"gemma","hidden_size":-4}`, "hidden_size is -4"},
		"too deep":           {`{"model_type":"gemma","num_hidden_layers":4000000000000000000}`, "num_hidden_layers is 4000000000000000000"},
		"not JSON":           {`{`, "config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gemma.ParseConfig([]byte(c[0]))
			if err == nil || !strings.Contains(err.Error(), c[1]) {
				t.Errorf("error %v, want one that says %q", err, c[1])
			}
		})
	}
}

func TestTinyIsTheDefaultRouter(t *testing.T) {
	c := gemma.Tiny()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if n := c.Parameters(); n < 1_250_000 || n > 1_350_000 {
		t.Errorf("%d parameters, want about 1.3 million", n)
	}
	w := gemma.RandomWeights(c, 7)
	if err := w.Check(c); err != nil {
		t.Error(err)
	}
	if !reflect.DeepEqual(w, gemma.RandomWeights(c, 7)) {
		t.Error("the same seed drew other weights")
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	c := gemma.Tiny()
	w := gemma.RandomWeights(c, 1)
	delete(w, gemma.NormName)
	w["lm_head.weight"] = gemma.Tensor{}
	w[gemma.LayerName(2, "mlp.up_proj")] = gemma.Tensor{Shape: []int{1}, Data: []float32{1}}
	err := w.Check(c)
	for _, want := range []string{"model.norm.weight is missing", "lm_head.weight is not part", "layers.2.mlp.up_proj.weight is [1]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
