// Package learn is the Gemma family as a gomlx graph: the forward pass that has gradients, the losses, and
// the steps that change weights.
//
// Weights and batches of token ids enter; losses, log-probabilities and changed weights leave. One graph
// code serves all three generations, full training, LoRA and QLoRA, on every backend: "go" (pure Go, the
// default) and, behind the build tag xla, XLA. Variables bear the Hugging Face names of their tensors.
//
// The package never reads a file, draws a batch, decides when to stop or publishes anything: that is the
// trainer's. Graph functions of gomlx panic; nothing of this package lets such a panic out: it comes back as
// an error, and a [Model] that failed inside a step refuses further ones, since its variables were donated.
package learn
