// Package emulator serves the Gemini REST API (and the OpenAI chat API) over HTTP, well enough for the
// real clients, so that demos and tests need no key and no money.
//
// Requests enter as a provider gets them; what leaves is what a [Source] has to say: [Recorded] replays
// graded rows of real models, [Synthetic] makes answers up, deterministically by seed. Faults and
// latencies are drawn by seed too. The server keeps [Books] of what it was asked and what that would
// have cost, so that the pipeline's ledger can be held against them. It never calls a model and never
// opens a connection.
//
// # What a request wants
//
// The title of the response schema tells: "Verdict" is a judge's request and its user turn a JSON
// document {"question", "accepted_answers", "answer"}; "Analysis" is a description of a query, its user
// turn {"question"}; without a schema the user turn is the question itself.
//
// # Tokens
//
// A text has one token for every four bytes or part of them. Prompt tokens count system instruction and
// user turn. Thinking models think between half and one and a half times their mean, by question. One
// prompt in eight of 32 tokens and more counts half of them as cached. All of it is a function of seed,
// model and text: the same request always has the same usage.
package emulator
