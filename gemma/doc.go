// Package gemma is the Gemma decoder family on the host: what a model is, not how it learns.
//
// A Hugging Face config.json enters and becomes a [Config]; a safetensors directory or a GGUF file enters
// and becomes a [Model]: configuration, float32 [Weights] under their Hugging Face names, and the bytes of
// its tokenizer. A [Scorer] made of a model answers two questions with a forward pass in plain Go: how
// likely is each of a few candidate continuations, and what does the model say next. A model leaves as a
// directory that other tools read: model.safetensors, config.json, tokenizer.json.
//
// Gemma 1 (2B, 7B), Gemma 2 (2B) and Gemma 3 text (270M, 1B) are one code, told apart by the Config.
// The papers followed are "Gemma: Open Models Based on Gemini Research and Technology" (2024), "Gemma 2:
// Improving Open Language Models at a Practical Size" (2024) and "Gemma 3 Technical Report" (2025).
//
// The package never trains, never downloads, never guesses at a weight that is missing, and imports the
// standard library only. Training lives in gemma/learn (gomlx), text in gemma/tokenizer.
package gemma
