package learn

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"sluice/gemma"
	"sluice/gemma/nf4"
)

// frozen is a linear kept in 4 bits.
type frozen struct {
	info   gemma.TensorInfo
	blocks nf4.Blocks
}

func codesName(name string) string  { return name + ".nf4" }    // uint8 [elements/2], two codes a byte
func scalesName(name string) string { return name + ".absmax" } // float32 [elements/64, 1]

// freeze quantizes a linear and creates its variables.
func (m *Model) freeze(info gemma.TensorInfo, t gemma.Tensor) error {
	blocks, err := nf4.Quantize(t.Data, *m.options.LoRA.Quantize)
	if err != nil {
		return fmt.Errorf("quantize %s: %w", info.Name, err)
	}
	if m.options.LoRA.Unpack {
		return m.create(info.Name, gemma.Tensor{Shape: info.Shape, Data: blocks.Dequantize()}, false)
	}
	codes, err := m.store.CreateVariable("/"+codesName(info.Name), tensors.FromFlatDataAndDimensions(blocks.Codes, len(blocks.Codes), 1))
	if err != nil {
		return err
	}
	codes.SetTrainable(false)
	m.frozen[info.Name] = frozen{info, blocks}
	scales := blocks.Scales()
	return m.create(scalesName(info.Name), gemma.Tensor{Shape: []int{len(scales), 1}, Data: scales}, false)
}

// base is a linear's own weight [out, in] in a graph, unpacked there when it is kept in 4 bits.
func (m *Model) base(g *graph.Graph, name string) *graph.Node {
	f, ok := m.frozen[name]
	if !ok {
		return m.node(g, name)
	}
	codes := graph.ConvertDType(m.node(g, codesName(name)), dtypes.Int32) // [n/2, 1]
	pair := graph.Concatenate([]*graph.Node{                              // the first value of a pair is in the high half
		graph.BitwiseShiftRightLogicalScalar(codes, int32(4)),
		graph.BitwiseAnd(codes, graph.Const(g, int32(15))),
	}, 1)
	book := graph.Reshape(graph.Const(g, nf4.CodeBook()), 16, 1)
	values := graph.Gather(book, graph.Reshape(pair, -1, 1))
	values = graph.Mul(graph.Reshape(values, -1, nf4.BlockSize), m.node(g, scalesName(name)))
	return graph.StopGradient(graph.Reshape(values, f.info.Shape...))
}

func (m *Model) hostBase(name string) ([]float32, error) {
	if f, ok := m.frozen[name]; ok {
		return f.blocks.Dequantize(), nil
	}
	return m.host(name)
}
