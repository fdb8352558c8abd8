// Package openai is the gateway in OpenAI's words: POST /v1/chat/completions and /v1/responses, whole or
// as server-sent events, and GET /v1/models.
//
// A request as OpenAI's clients send it enters a gateway.Pipeline; a reply that they understand leaves,
// with the decision in X-Sluice headers and in an object "sluice". A parameter that can't be honoured is
// refused by its name rather than passed over.
package openai
