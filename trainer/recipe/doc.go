// Package recipe trains a router: SFT, then DPO, then calibration, then an artifact.
//
// A dataset.Set of the train split enters; a sealed artifact directory and a [Report] leave. There are two
// recipes. The default one trains a small model of Gemma's architecture from nothing, vocabulary included, on
// a processor in minutes. The other adapts pretrained Gemma weights by LoRA or QLoRA. Both go through the
// stages router_base (SFT, three epochs) and router_final (DPO, Rafailov et al. 2023, one epoch, against the frozen
// router_base), both keep a slice of the rows aside, choose by it which stage's weights to keep, and fit the temperature
// on it.
//
// The package reads no test row, publishes nothing and opens no connection. The same set, options and machine
// give the same weights to the bit, whether the run was interrupted or not.
package recipe
