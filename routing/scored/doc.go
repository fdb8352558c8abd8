// Package scored is a Gemma model as a router: it reads a query and weighs the policies.
//
// A model, its prompt and its calibration enter; a routing.Router leaves. A decision is scored, not parsed:
// the probability of each policy's name when the model may say nothing else, calibrated. The keys and values
// of the constant part of the prompt are computed once. Free text is generated only where somebody asks for an
// explanation. [Layout] is how queries and completions become tokens, for serving and for training alike.
package scored
