// Package gemini is the gateway in the Gemini API's words: generateContent and streamGenerateContent under
// /v1beta and /v1.
//
// A request as Google's clients send it enters a gateway.Pipeline; a reply that they understand leaves,
// with the decision in X-Sluice headers and in an object "sluice". A parameter that can't be honoured is
// refused by its name.
package gemini
