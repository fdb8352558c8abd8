package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type file struct {
	AddedTokens  []addedToken `json:"added_tokens"`
	Normalizer   *step        `json:"normalizer"`
	PreTokenizer *step        `json:"pre_tokenizer"`
	Model        struct {
		Type                    string          `json:"type"`
		UnkToken                *string         `json:"unk_token"`
		ContinuingSubwordPrefix *string         `json:"continuing_subword_prefix"`
		EndOfWordSuffix         *string         `json:"end_of_word_suffix"`
		FuseUnk                 bool            `json:"fuse_unk"`
		ByteFallback            bool            `json:"byte_fallback"`
		IgnoreMerges            bool            `json:"ignore_merges"`
		Vocab                   map[string]int  `json:"vocab"`
		Merges                  json.RawMessage `json:"merges"`
	} `json:"model"`
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	Lstrip     bool   `json:"lstrip"`
	Rstrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// step is a normaliser or pre-tokenizer.
type step struct {
	Type           string `json:"type"`
	Content        string `json:"content"`
	Behavior       string `json:"behavior"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	UseRegex       *bool  `json:"use_regex"`
	Pattern        struct {
		String string `json:"String"`
	} `json:"pattern"`
}

// Parse reads a tokenizer.json of the BPE kind: that of Gemma (spaces as ▁, byte fallback), or byte-level.
// Anything that would encode differently is refused by name.
func Parse(data []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	t := blankTokenizer()
	t.source = bytes.Clone(data)
	if err := errors.Join(t.parseSteps(f), t.parseModel(f), t.parseAdded(f)); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	t.findBytes(f.Model.ByteFallback)
	if t.byteLevel {
		for b := range 256 {
			if _, ok := t.ids[alphabet[b]]; !ok {
				return nil, fmt.Errorf("tokenizer.json: byte-level vocabulary lacks byte %#02x", b)
			}
		}
	}
	return t, nil
}

func blankTokenizer() *Tokenizer {
	t := &Tokenizer{ids: map[string]int{}, unknown: -1, added: newTrie(), all: newTrie()}
	for b := range t.bytes {
		t.bytes[b] = -1
	}
	return t
}

func (t *Tokenizer) parseSteps(f file) error {
	if n := f.Normalizer; n != nil {
		if n.Type != "Replace" || n.Pattern.String != " " || n.Content != spaceMark {
			return fmt.Errorf("normalizer %q: only the replacement of spaces by %s is built", n.Type, spaceMark)
		}
		t.spaces = true
	}
	p := f.PreTokenizer
	switch {
	case p == nil:
	case p.Type == "Split" && p.Pattern.String == " " && t.spaces: // no space is left to split at
	case p.Type == "ByteLevel" && !p.AddPrefixSpace && (p.UseRegex == nil || *p.UseRegex) && !t.spaces:
		t.byteLevel = true
	default:
		return fmt.Errorf("pre-tokenizer %q with these settings is not built", p.Type)
	}
	return nil
}

func (t *Tokenizer) parseModel(f file) error {
	m := f.Model
	switch {
	case m.Type != "BPE":
		return fmt.Errorf("model %q: only BPE is built", m.Type)
	case m.IgnoreMerges:
		return errors.New("ignore_merges is true: not built")
	case m.ContinuingSubwordPrefix != nil && *m.ContinuingSubwordPrefix != "",
		m.EndOfWordSuffix != nil && *m.EndOfWordSuffix != "":
		return errors.New("word prefixes and suffixes are not built")
	}
	t.fuse = m.FuseUnk
	for text, id := range m.Vocab {
		if err := t.grow(id, piece{text: text}); err != nil {
			return err
		}
	}
	if m.UnkToken != nil {
		id, ok := t.ids[*m.UnkToken]
		if !ok {
			return fmt.Errorf("unknown token %q is not in the vocabulary", *m.UnkToken)
		}
		t.unknown = id
	}
	return t.parseMerges(m.Merges)
}

// parseMerges reads both spellings: ["a", "b"] and "a b".
func (t *Tokenizer) parseMerges(raw json.RawMessage) error {
	ranks := map[[2]string]float64{}
	var pairs [][2]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		var lines []string
		if err := json.Unmarshal(raw, &lines); err != nil {
			return fmt.Errorf("merges: %w", err)
		}
		pairs = pairs[:0]
		for _, line := range lines {
			left, right, ok := strings.Cut(line, " ")
			if !ok {
				return fmt.Errorf("merge %q is no pair", line)
			}
			pairs = append(pairs, [2]string{left, right})
		}
	}
	for rank, pair := range pairs {
		if _, ok := t.ids[pair[0]+pair[1]]; !ok {
			return fmt.Errorf("merge of %q and %q is not in the vocabulary", pair[0], pair[1])
		}
		ranks[pair] = float64(rank)
	}
	t.merges = func(left, right string) (float64, bool) {
		rank, ok := ranks[[2]string{left, right}]
		return rank, ok
	}
	return nil
}

func (t *Tokenizer) parseAdded(f file) error {
	for _, a := range f.AddedTokens {
		if a.SingleWord || a.Lstrip || a.Rstrip || a.Normalized && t.spaces && strings.Contains(a.Content, " ") {
			return fmt.Errorf("added token %q: stripping, whole words and normalisation are not built", a.Content)
		}
		if a.Content == "" {
			return fmt.Errorf("added token %d is empty", a.ID)
		}
		if err := t.add(a.ID, a.Content, a.Special); err != nil {
			return err
		}
	}
	return nil
}

// turnMarks open and close a turn of a conversation. Gemma's sentencepiece models list them among the tokens that any
// text may hold.
var turnMarks = []string{"<start_of_turn>", "<end_of_turn>"}

// add makes a token one that is cut out of the text before anything else.
func (t *Tokenizer) add(id int, text string, special bool) error {
	p := piece{text: text}
	if special || slices.Contains(turnMarks, text) {
		p.kind = control
	} else {
		t.added.add(text, id)
	}
	t.all.add(text, id)
	return t.grow(id, p)
}

// findBytes fills the table of the tokens <0x00> to <0xFF>.
func (t *Tokenizer) findBytes(fallback bool) {
	if !fallback {
		return
	}
	for id, p := range t.pieces {
		if len(p.text) != 6 || !strings.HasPrefix(p.text, "<0x") || p.text[5] != '>' {
			continue
		}
		if v, err := strconv.ParseUint(p.text[3:5], 16, 8); err == nil {
			t.bytes[v] = id
			t.pieces[id].kind, t.pieces[id].value = single, byte(v)
		}
	}
}
