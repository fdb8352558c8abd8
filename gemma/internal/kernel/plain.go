//go:build !goexperiment.simd || !amd64

package kernel

// vector is false where the vector loops are not built; the functions below are never called then.
const vector = false

func clearUpper() {}

func product4(_ []float32, _ int, _ []float32, _ int, _ []float32, _, _ int) {}

func product1(_, _, _ []float32, _, _ int) {}

func vectorDot(_, _ []float32) float32 { return 0 }

func vectorGeGLU(_, _ []float32) int { return 0 }

func vectorExpSum(_ []float32, _ float32) (int, float32) { return 0, 0 }
