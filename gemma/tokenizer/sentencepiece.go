package tokenizer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ParseSentencepiece reads a sentencepiece model of the BPE kind, such as Gemma's tokenizer.model, whose pieces
// merge by score: highest first. A model that rewrites text (normalisation, a space put in front) is refused.
func ParseSentencepiece(data []byte) (*Tokenizer, error) {
	t := blankTokenizer()
	t.spaces = true
	scores := map[string]float64{}
	m := spModel{kind: 1, prefix: true, trims: true}
	err := fields(data, func(number int, value uint64, content []byte) error {
		switch number {
		case 1:
			return t.spPiece(content, scores)
		case 2:
			return fields(content, func(number int, value uint64, _ []byte) error {
				if number == 3 {
					m.kind = value
				}
				return nil
			})
		case 3:
			return m.normalizer(content)
		}
		return nil
	})
	if err == nil {
		err = m.refuse(len(t.pieces))
	}
	if err != nil {
		return nil, fmt.Errorf("sentencepiece model: %w", err)
	}
	t.findBytes(true)
	t.merges = func(left, right string) (float64, bool) {
		score, ok := scores[left+right]
		return -score, ok
	}
	return t, nil
}

// spModel is what else matters in a model file.
type spModel struct {
	kind          uint64 // 1 unigram, 2 BPE
	prefix, trims bool
	rules         bool
}

func (m *spModel) normalizer(content []byte) error {
	return fields(content, func(number int, value uint64, content []byte) error {
		switch number {
		case 2:
			m.rules = len(content) > 0
		case 3:
			m.prefix = value != 0
		case 4:
			m.trims = value != 0
		}
		return nil
	})
}

func (m *spModel) refuse(pieces int) error {
	switch {
	case pieces == 0:
		return errors.New("no pieces")
	case m.kind != 2:
		return fmt.Errorf("kind %d: only BPE (2) is built", m.kind)
	case m.prefix, m.trims, m.rules:
		return errors.New("it rewrites its text, which Gemma's does not")
	}
	return nil
}

// spPiece adds the next piece: its text, score and type.
func (t *Tokenizer) spPiece(content []byte, scores map[string]float64) error {
	text, score, kind := "", 0.0, uint64(1)
	err := fields(content, func(number int, value uint64, content []byte) error {
		switch number {
		case 1:
			text = string(content)
		case 2:
			score = float64(math.Float32frombits(uint32(value)))
		case 3:
			kind = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	id := len(t.pieces)
	switch kind {
	case 1:
		scores[text] = score
	case 2:
		t.unknown, t.fuse = id, true
		return t.add(id, text, true)
	case 3:
		return t.add(id, text, true)
	case 4:
		return t.add(id, text, false)
	}
	return t.grow(id, piece{text: text})
}

var errTruncated = errors.New("the file ends early")

// fields walks a protocol buffer message: varints and 32-bit values as value, strings and messages as content.
func fields(data []byte, visit func(number int, value uint64, content []byte) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return errTruncated
		}
		data = data[n:]
		var value uint64
		var content []byte
		switch tag & 7 {
		case 0:
			if value, n = binary.Uvarint(data); n <= 0 {
				return errTruncated
			}
			data = data[n:]
		case 1:
			if len(data) < 8 {
				return errTruncated
			}
			data = data[8:]
		case 2:
			size, n := binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return errTruncated
			}
			content, data = data[n:n+int(size)], data[n+int(size):]
		case 5:
			if len(data) < 4 {
				return errTruncated
			}
			value, data = uint64(binary.LittleEndian.Uint32(data)), data[4:]
		default:
			return fmt.Errorf("wire type %d is unknown", tag&7)
		}
		if err := visit(int(tag>>3), value, content); err != nil {
			return err
		}
	}
	return nil
}
