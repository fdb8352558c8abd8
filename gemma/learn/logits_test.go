package learn

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Logits computes the logits of every position of equally long rows, flat as [rows, width, VocabSize].
func (m *Model) Logits(rows [][]int) ([]float32, error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return nil, fmt.Errorf("logits: no tokens")
	}
	var flat []int32
	for _, row := range rows {
		if len(row) != len(rows[0]) {
			return nil, fmt.Errorf("logits: rows of %d and %d tokens", len(rows[0]), len(row))
		}
		for _, id := range row {
			if id < 0 || id >= m.config.VocabSize {
				return nil, fmt.Errorf("logits: token %d is outside the vocabulary of %d", id, m.config.VocabSize)
			}
			flat = append(flat, int32(id))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.call("logits", false, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		f := m.forward(in[0].Graph(), false)
		return []*graph.Node{f.logits(f.hidden(in[0]))}
	}, tensors.FromFlatDataAndDimensions(flat, len(rows), len(rows[0])))
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](out[0])
}
