package object_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"sluice/object"
)

func TestWhatIsWrittenIsJSONThatSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Just("\x00\u2028<&>\"\\\xff")).Draw(t, "text")
		whole, fraction := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "whole"), rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "fraction")
		var w object.Writer
		w.Begin()
		w.Text("text", text)
		w.TextIf("none", "")
		w.Object("within")
		w.Whole("whole", whole)
		w.List("list")
		for range 2 {
			w.Begin()
			w.Fraction("fraction", fraction)
			w.Raw("raw", "null")
			w.End()
		}
		w.EndList()
		w.List("empty")
		w.EndList()
		w.End()
		w.TextIf("last", "x")
		w.End()
		var got map[string]any
		if err := json.Unmarshal(w, &got); err != nil {
			t.Fatalf("%s: %v", w, err)
		}
		quoted, _ := json.Marshal(text) // replaces what is no UTF-8
		var clean string
		_ = json.Unmarshal(quoted, &clean)
		element := map[string]any{"fraction": fraction, "raw": nil}
		want := map[string]any{
			"text": clean, "last": "x",
			"within": map[string]any{"whole": float64(whole), "list": []any{element, element}, "empty": []any{}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s says %v, want %v", w, got, want)
		}
	})
}
