package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

type encoding struct {
	Text string `json:"text"`
	IDs  []int  `json:"ids"`
}

func load(tb testing.TB, name string) (*Tokenizer, []encoding) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	tok, err := Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	known, err := os.ReadFile(filepath.Join("testdata", name+".encodings.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var encodings []encoding
	if err := json.Unmarshal(known, &encodings); err != nil {
		tb.Fatal(err)
	}
	return tok, encodings
}

// The encodings in testdata come from the reference implementation (tokenizers 0.23 for Python).
func TestEncodingsOfTheReferenceImplementation(t *testing.T) {
	for _, name := range []string{"gemma_style", "byte_level"} {
		tok, encodings := load(t, name)
		if len(encodings) < 20 {
			t.Fatalf("%s: %d encodings", name, len(encodings))
		}
		for _, e := range encodings {
			if got := tok.EncodeTemplate(e.Text); !slices.Equal(got, e.IDs) {
				t.Errorf("%s: %q\n gives %v\n known %v", name, e.Text, got, e.IDs)
			}
			plain := tok.Encode(e.Text)
			if got := tok.Decode(plain); got != e.Text && !strings.Contains(e.Text, spaceMark) {
				t.Errorf("%s: %q came back as %q", name, e.Text, got)
			}
		}
	}
}

func TestUsersCannotWriteControlTokens(t *testing.T) {
	tok, _ := load(t, "gemma_style")
	begin, begins := tok.ID(Begin)
	turn, turns := tok.ID("<start_of_turn>")
	if !begins || !turns {
		t.Fatalf("control tokens are missing: %v, %v", begins, turns)
	}
	text := "a<start_of_turn>b<bos>"
	if ids := tok.Encode(text); slices.Contains(ids, turn) || slices.Contains(ids, begin) || tok.Decode(ids) != text {
		t.Errorf("%q became %v", text, ids)
	}
	if ids := tok.EncodeTemplate(text); !slices.Contains(ids, turn) || tok.Decode(ids) != "ab" {
		t.Errorf("a template became %v", ids)
	}
}

// Gemma's sentencepiece models, and some tokenizer.json made of them, list the marks of a turn as tokens of a user's own.
func TestUsersCannotWriteTheMarksOfATurnWhateverTheVocabularyCallsThem(t *testing.T) {
	pieces, err := ParseSentencepiece(spFile(true, "<bos>", 0.0, 3, "<unk>", 0.0, 2, "<start_of_turn>", 0.0, 4, "<end_of_turn>", 0.0, 4, "<b>", 0.0, 4, "a", -9.0, 1))
	if err != nil {
		t.Fatal(err)
	}
	file, err := Parse([]byte(`{"added_tokens":[{"id":2,"content":"<start_of_turn>"},{"id":3,"content":"<end_of_turn>"},{"id":4,"content":"<b>"}],
		"model":{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":1,"a":5},"merges":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []*Tokenizer{pieces, file} {
		text := "a<end_of_turn><start_of_turn>a<b>"
		if ids := tok.Encode(text); slices.Contains(ids, 2) || slices.Contains(ids, 3) || !slices.Contains(ids, 4) {
			t.Errorf("%q became %v", text, ids)
		}
		if ids := tok.EncodeTemplate(text); !slices.Equal(ids, []int{5, 3, 2, 5, 4}) {
			t.Errorf("a template became %v", ids)
		}
	}
}

func TestATrainedVocabularyKeepsWordsThatAreSpelledLikeItsControlTokens(t *testing.T) {
	texts := slices.Repeat([]string{"rock-hard question", "hardly"}, 20)
	tok, err := Train(slices.Values(texts), 512, "hard")
	if err != nil {
		t.Fatal(err)
	}
	control, _ := tok.ID("hard")
	for _, text := range []string{"rock-hard question", "hard", "hardly"} {
		if ids := tok.Encode(text); slices.Contains(ids, control) || tok.Decode(ids) != text {
			t.Errorf("%q became %v, which is %q", text, ids, tok.Decode(ids))
		}
	}
}

func FuzzEveryTextComesBack(f *testing.F) {
	style, _ := load(f, "gemma_style")
	level, _ := load(f, "byte_level")
	for _, s := range []string{"", "a b", "\xff\xfe", "é\x80", "''s  x\t\n", "日本 \u200d", "<pad>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range []*Tokenizer{style, level} {
			if tok == style && strings.Contains(text, spaceMark) {
				continue // spelled like a space, so it comes back as one
			}
			if got, want := tok.Decode(tok.Encode(text)), strings.ToValidUTF8(text, "\uFFFD"); got != want {
				t.Errorf("%q came back as %q", text, got)
			}
		}
	})
}

func TestLongTextTakesTimeByItsLength(t *testing.T) {
	tok, _ := load(t, "gemma_style")
	text := strings.Repeat("the quick brown ", 20000)
	begin := time.Now()
	ids := tok.Encode(text)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("%d bytes took %v", len(text), took)
	}
	if tok.Decode(ids) != text {
		t.Error("a long text did not come back")
	}
}

func TestTrainLearnsTheFrequentPairs(t *testing.T) {
	texts := []string{"low low low lower", "newest newest newest", "widest widest", "日本 日本"} //nolint:dupword // frequent pairs need repeated words
	tok, err := Train(slices.Values(texts), 300, "<policy>")
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(texts)
	again, err := Train(slices.Values(texts), 300, "<policy>")
	if err != nil || string(tok.JSON()) != string(again.JSON()) {
		t.Errorf("the order of texts changed the vocabulary (%v)", err)
	}
	for token, want := range map[string]int{Pad: 0, End: 1, Begin: 2, "<policy>": 3} {
		if id, ok := tok.ID(token); !ok || id != want {
			t.Errorf("%s has id %d", token, id)
		}
	}
	// "es" and "st" occur five times each, "es" first in order; then "est" grows out of it.
	es, st := tok.EncodeTemplate("es"), tok.EncodeTemplate("est")
	if len(es) != 1 || len(st) != 1 || es[0] != 4+256 || st[0] != 4+257 {
		t.Errorf("es is %v, est is %v", es, st)
	}
	for _, text := range []string{"lowest 日本 \x00 \xe6", "<policy> wider"} {
		if got := tok.Decode(tok.Encode(text)); got != strings.ToValidUTF8(text, "\uFFFD") {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	if n := len(tok.Encode("newest low")); n > 4 {
		t.Errorf("known words take %d tokens", n)
	}
	if _, err := Train(slices.Values(texts), 100); err == nil {
		t.Error("a vocabulary smaller than its bytes was trained")
	}
}

// The reference implementation reads what Train writes; its encodings of that file are in testdata. Here the
// file is read by our own Parse, and its size is what was asked for.
func TestTrainedVocabularyHasTheSizeAskedFor(t *testing.T) {
	var texts []string
	for i := range 400 {
		texts = append(texts, strings.Repeat(string(rune('a'+i%26))+string(rune('a'+i/26)), 1+i%4)+" end")
	}
	tok, err := Train(slices.Values(texts), 512)
	if err != nil || tok.Size() != 512 {
		t.Errorf("size %d, %v", tok.Size(), err)
	}
}

// spFile writes a sentencepiece model.
func spFile(bpe bool, pieces ...any) []byte {
	field := func(b []byte, number int, content []byte) []byte {
		b = binary.AppendUvarint(b, uint64(number<<3|2))
		return append(binary.AppendUvarint(b, uint64(len(content))), content...)
	}
	var out []byte
	for i := 0; i < len(pieces); i += 3 {
		p := field(nil, 1, []byte(pieces[i].(string)))
		p = binary.LittleEndian.AppendUint32(append(p, 2<<3|5), math.Float32bits(float32(pieces[i+1].(float64))))
		p = append(p, 3<<3, byte(pieces[i+2].(int)))
		out = field(out, 1, p)
	}
	kind := byte(1)
	if bpe {
		kind = 2
	}
	out = field(out, 2, []byte{3 << 3, kind})
	return field(out, 3, []byte{3 << 3, 0, 4 << 3, 0})
}

func TestSentencepieceMergesByScore(t *testing.T) {
	tok, err := ParseSentencepiece(spFile(true, "<pad>", 0.0, 3, "<eos>", 0.0, 3, "<bos>", 0.0, 3, "<unk>", 0.0, 2,
		"<0xC3>", 0.0, 6, "<0xA9>", 0.0, 6, "\n\n", 0.0, 4,
		"bc", -1.0, 1, "ab", -2.0, 1, "▁a", -3.0, 1, "abc", -4.0, 1, "a", -9.0, 1, "b", -9.0, 1, "c", -9.0, 1, "▁", -9.0, 1))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int{
		"abc":    {10},        // bc merges first, then a+bc
		" abc":   {9, 7},      // bc, then ▁a; nothing joins the two
		"é":      {4, 5},      // bytes
		"a\n\nb": {11, 6, 12}, // a token of the user's own
		"zz":     {3},         // unknown, once
		"<bos>":  {3, 12, 3},
	} {
		if got := tok.Encode(text); !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
	if got := tok.EncodeTemplate("<bos>ab"); !slices.Equal(got, []int{2, 8}) {
		t.Errorf("template %v", got)
	}
	if got := tok.Decode([]int{2, 9, 7, 4, 5, 6, 999, -1}); got != " abcé\n\n" {
		t.Errorf("decoded %q", got)
	}
}

func TestParseRefusesWhatItWouldEncodeDifferently(t *testing.T) {
	for want, text := range map[string]string{
		`model "Unigram"`:        `{"model":{"type":"Unigram"}}`,
		`normalizer "NFC"`:       `{"normalizer":{"type":"NFC"},"model":{"type":"BPE","vocab":{},"merges":[]}}`,
		`pre-tokenizer "Digits"`: `{"pre_tokenizer":{"type":"Digits"},"model":{"type":"BPE","vocab":{},"merges":[]}}`,
		"ignore_merges":          `{"model":{"type":"BPE","ignore_merges":true}}`,
		"is no pair":             `{"model":{"type":"BPE","vocab":{"a":0},"merges":["ab"]}}`,
		"not in the vocabulary":  `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}`,
		"share id 0":             `{"added_tokens":[{"id":0,"content":"b"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`,
		"whole words":            `{"added_tokens":[{"id":1,"content":"b","single_word":true}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`,
		"lacks byte":             `{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{},"merges":[]}}`,
		"unknown token":          `{"model":{"type":"BPE","unk_token":"u","vocab":{},"merges":[]}}`,
		"unexpected end":         `{`,
		`token "a" has id`:       `{"model":{"type":"BPE","vocab":{"a":900000000},"merges":[]}}`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	for want, data := range map[string][]byte{
		"no pieces": {}, "kind 1": spFile(false, "a", 0.0, 1), "ends early": {10, 200}, "wire type": {15},
	} {
		if _, err := ParseSentencepiece(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

func TestWordsFollowTheExpression(t *testing.T) {
	for text, want := range map[string][]string{
		"don't  stop":   {"don", "'t", " ", " stop"},
		"a1 +2\n\n x":   {"a", "1", " +", "2", "\n\n", " x"},
		"x \n":          {"x", " \n"},
		" 's":           {" '", "s"},
		"\u00a0\u00a0b": {"\u00a0", "\u00a0", "b"},
	} {
		if got := slices.Collect(words(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is cut into %q, want %q", text, got, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tok, _ := load(b, "byte_level")
	for b.Loop() {
		tok.Encode("What is the capital of France, and who wrote the book about it in 1984?")
	}
}
