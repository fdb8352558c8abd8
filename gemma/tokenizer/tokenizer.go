// Package tokenizer turns text into token ids and back: byte-pair encoding as Gemma uses it, with single bytes
// for what the vocabulary lacks, and as GPT-2 does, over bytes throughout.
//
// A tokenizer.json or a sentencepiece model enters, or texts to learn a vocabulary from; ids, text and a
// tokenizer.json leave. Every text, valid UTF-8 or not, has an encoding, and valid text decodes to itself. Text
// of a user never becomes a control token unless the caller asks for it. The package refuses tokenizers of other
// kinds rather than come close to them.
package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Tokenizer is immutable and safe for concurrent use.
type Tokenizer struct {
	pieces []piece        // by id
	ids    map[string]int // by the text of a piece
	merges func(left, right string) (rank float64, ok bool)

	bytes     [256]int // ids of single bytes; -1 where there is none
	unknown   int      // id for what cannot be said otherwise; -1 is none
	byteLevel bool     // pieces are spelled in the byte alphabet of GPT-2
	fuse      bool     // neighbouring unknowns are one
	added     *trie    // tokens that are cut out before anything else, but no control tokens
	all       *trie    // the same with control tokens
	spaces    bool     // a space is spelled ▁
	source    []byte   // the tokenizer.json, if that is where it came from
}

type piece struct {
	text  string
	kind  kind
	value byte // of a byte piece
}

type kind uint8

const (
	normal kind = iota
	control
	single // one byte
	hole   // an id without a token
)

const spaceMark = "▁"

// Size is the number of ids: one more than the largest.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Rows is how many rows of an embedding encoded text needs: one more than the largest id that is no control token.
// Control tokens beyond it belong to other models of a family: Gemma 3's tokenizer ends with one for images, of
// which the text models have no row.
func (t *Tokenizer) Rows() int {
	n := len(t.pieces)
	for n > 0 && (t.pieces[n-1].kind == control || t.pieces[n-1].kind == hole) {
		n--
	}
	return n
}

// ID is the id of a token by its exact spelling, control tokens included.
func (t *Tokenizer) ID(token string) (int, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Encode turns text into ids. Control tokens are not recognised: "<bos>" in a user's text is five characters.
// No token is added at the beginning.
func (t *Tokenizer) Encode(text string) []int { return t.encode(text, t.added) }

// EncodeTemplate is Encode for text of our own: it recognises control tokens such as <start_of_turn>.
func (t *Tokenizer) EncodeTemplate(text string) []int { return t.encode(text, t.all) }

func (t *Tokenizer) encode(text string, cut *trie) (ids []int) {
	for len(text) > 0 {
		at, length, id := cut.find(text)
		if length == 0 {
			return t.plain(ids, text)
		}
		ids = t.plain(ids, text[:at])
		ids = append(ids, id)
		text = text[at+length:]
	}
	return ids
}

// plain encodes text without added tokens.
func (t *Tokenizer) plain(ids []int, text string) []int {
	if text == "" {
		return ids
	}
	if t.byteLevel {
		for word := range words(text) {
			ids = t.word(ids, spell(word))
		}
		return ids
	}
	if t.spaces {
		text = strings.ReplaceAll(text, " ", spaceMark)
	}
	return t.word(ids, text)
}

// word merges one piece of text and looks its parts up.
func (t *Tokenizer) word(ids []int, text string) []int {
	unknown := false
	for _, part := range t.merge(text) {
		if id, ok := t.ids[part]; ok && t.pieces[id].kind != control {
			ids, unknown = append(ids, id), false
			continue
		}
		if fallen, ok := t.fallBack(ids, part); ok {
			ids, unknown = fallen, false
			continue
		}
		if t.unknown >= 0 && (!unknown || !t.fuse) {
			ids = append(ids, t.unknown)
		}
		unknown = true
	}
	return ids
}

// fallBack appends the bytes of a part, if every one has an id.
func (t *Tokenizer) fallBack(ids []int, part string) ([]int, bool) {
	for i := range len(part) {
		if t.bytes[part[i]] < 0 {
			return ids, false
		}
	}
	for i := range len(part) {
		ids = append(ids, t.bytes[part[i]])
	}
	return ids, true
}

// Decode turns ids into text. Control tokens are left out, and so are ids beyond the vocabulary; bytes that
// are no valid UTF-8 become U+FFFD.
func (t *Tokenizer) Decode(ids []int) string {
	var out []byte
	for _, id := range ids {
		if id < 0 || id >= len(t.pieces) {
			continue
		}
		switch p := t.pieces[id]; p.kind {
		case control, hole:
		case single:
			out = append(out, p.value)
		default:
			switch {
			case t.byteLevel:
				out = unspell(out, p.text)
			case t.spaces:
				out = append(out, strings.ReplaceAll(p.text, spaceMark, " ")...)
			default:
				out = append(out, p.text...)
			}
		}
	}
	if utf8.Valid(out) {
		return string(out)
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// grow makes room for an id and sets its piece; two tokens with one id are an error.
func (t *Tokenizer) grow(id int, p piece) error {
	const most = 1 << 24
	if id < 0 || id > most {
		return fmt.Errorf("token %q has id %d", p.text, id)
	}
	for len(t.pieces) <= id {
		t.pieces = append(t.pieces, piece{kind: hole})
	}
	if old := t.pieces[id]; old.kind != hole && old.text != p.text {
		return fmt.Errorf("tokens %q and %q share id %d", old.text, p.text, id)
	}
	t.pieces[id] = p
	t.ids[p.text] = id
	return nil
}

// trie finds the leftmost longest of a set of strings.
type trie struct {
	next map[byte]*trie
	id   int // -1 where no string ends
}

func newTrie() *trie { return &trie{next: map[byte]*trie{}, id: -1} }

func (n *trie) add(s string, id int) {
	for i := range len(s) {
		if n.next[s[i]] == nil {
			n.next[s[i]] = newTrie()
		}
		n = n.next[s[i]]
	}
	n.id = id
}

// find returns where a string begins, its length and its id; length 0 is none.
func (n *trie) find(text string) (at, length, id int) {
	for at := range len(text) {
		node := n
		for i := at; i < len(text); i++ {
			if node = node.next[text[i]]; node == nil {
				break
			}
			if node.id >= 0 {
				length, id = i+1-at, node.id
			}
		}
		if length > 0 {
			return at, length, id
		}
	}
	return 0, 0, 0
}
