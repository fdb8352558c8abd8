package tokenizer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Tokens that every trained vocabulary begins with, in this order: their ids are 0, 1 and 2.
const (
	Pad   = "<pad>"
	End   = "<eos>"
	Begin = "<bos>"
)

// Train learns a byte-level vocabulary of a size from texts: the three tokens above, the further control tokens
// given, the 256 bytes, then the most frequent pairs, one after the other (Sennrich et al. 2016,
// arXiv:1508.07909). A pair must occur twice to count, so a small corpus gives fewer tokens than
// asked for. The same texts give the same vocabulary in whatever order they come.
func Train(texts iter.Seq[string], size int, controls ...string) (*Tokenizer, error) {
	specials := append([]string{Pad, End, Begin}, controls...)
	if len(slices.Compact(slices.Sorted(slices.Values(specials)))) != len(specials) || slices.Contains(specials, "") {
		return nil, errors.New("train tokenizer: a control token is empty or named twice")
	}
	if least := len(specials) + 256; size < least {
		return nil, fmt.Errorf("train tokenizer: a vocabulary of %d is smaller than its bytes and control tokens, %d", size, least)
	}
	counts := map[string]int{}
	for text := range texts {
		for word := range words(text) {
			counts[word]++
		}
	}
	l := newLearner(counts)
	vocab, id := map[string]int{}, 0
	for _, s := range specials {
		vocab[s] = id
		id++
	}
	for b := range 256 {
		vocab[alphabet[b]] = id
		id++
	}
	merges := l.learn(vocab, specials, id, size)
	data, err := trainedJSON(specials, vocab, merges)
	if err != nil {
		return nil, fmt.Errorf("train tokenizer: %w", err)
	}
	return Parse(data)
}

// learner keeps the count of every pair of neighbours up to date while pairs merge.
type learner struct {
	words  [][]string
	counts []int
	pairs  map[[2]string]int
	where  map[[2]string]map[int]bool // words that hold, or held, a pair
}

func newLearner(counts map[string]int) *learner {
	l := &learner{pairs: map[[2]string]int{}, where: map[[2]string]map[int]bool{}}
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		var parts []string
		for i := range len(word) {
			parts = append(parts, alphabet[word[i]])
		}
		l.words, l.counts = append(l.words, parts), append(l.counts, counts[word])
		l.count(len(l.words)-1, 1)
	}
	return l
}

// learn merges the most frequent pairs, whose ids are those from id up to size, until no more fit or no pair occurs
// twice. None spells a control token: a text may not be spelled by one.
func (l *learner) learn(vocab map[string]int, controls []string, id, size int) [][2]string {
	merges := [][2]string{}
	for id < size {
		pair, ok := l.best()
		if !ok {
			break
		}
		joined := pair[0] + pair[1]
		if slices.Contains(controls, joined) {
			delete(l.pairs, pair)
			continue
		}
		l.merge(pair)
		merges = append(merges, pair)
		if _, known := vocab[joined]; !known {
			vocab[joined] = id
			id++
		}
	}
	return merges
}

// count adds (or with -1 takes away) the pairs of a word.
func (l *learner) count(word, sign int) {
	parts := l.words[word]
	for i := 1; i < len(parts); i++ {
		pair := [2]string{parts[i-1], parts[i]}
		l.pairs[pair] += sign * l.counts[word]
		if l.where[pair] == nil {
			l.where[pair] = map[int]bool{}
		}
		l.where[pair][word] = true
	}
}

// best is the most frequent pair that occurs twice, the first in order among equals.
func (l *learner) best() (best [2]string, ok bool) {
	most := 1
	for pair, n := range l.pairs {
		if n > most || n == most && ok && compare(pair, best) < 0 {
			best, most, ok = pair, n, true
		}
	}
	return best, ok
}

func compare(a, b [2]string) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
}

// merge joins a pair wherever it occurs.
func (l *learner) merge(pair [2]string) {
	for word := range l.where[pair] {
		l.count(word, -1)
		parts := l.words[word]
		joined := parts[:0:0]
		for i := 0; i < len(parts); i++ {
			if i+1 < len(parts) && parts[i] == pair[0] && parts[i+1] == pair[1] {
				joined = append(joined, pair[0]+pair[1])
				i++
			} else {
				joined = append(joined, parts[i])
			}
		}
		l.words[word] = joined
		l.count(word, 1)
	}
	delete(l.pairs, pair)
	delete(l.where, pair)
}

func trainedJSON(specials []string, vocab map[string]int, merges [][2]string) ([]byte, error) {
	type object = map[string]any
	var added []addedToken
	for id, s := range specials {
		added = append(added, addedToken{ID: id, Content: s, Special: true})
	}
	level := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	begin := object{"SpecialToken": object{"id": Begin, "type_id": 0}}
	sequence := func(id string, kind int) object { return object{"Sequence": object{"id": id, "type_id": kind}} }
	return json.Marshal(object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added,
		"normalizer": nil, "pre_tokenizer": level, "decoder": level,
		"post_processor": object{
			"type":   "TemplateProcessing",
			"single": []object{begin, sequence("A", 0)},
			"pair":   []object{begin, sequence("A", 0), sequence("B", 1)},
			"special_tokens": object{
				Begin: object{"id": Begin, "ids": []int{2}, "tokens": []string{Begin}},
			},
		},
		"model": object{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
			"end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
			"vocab": vocab, "merges": merges,
		},
	})
}

// JSON is the content of a tokenizer.json; nil for a tokenizer that came from a sentencepiece model.
func (t *Tokenizer) JSON() []byte { return slices.Clone(t.source) }
