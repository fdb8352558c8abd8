// Package gateway answers requests for a model: it checks them, has the router and the rules choose, keeps
// the spending within its budgets, calls the model, and writes down what happened.
//
// An [Ask] enters, whatever dialect and transport it came by; chunks and an [Answer] leave, or a [Fault].
// Every request that was decided on becomes one sluice.Decision, and every call of a model one line of the
// ledger, in the spool before the last byte goes to the client (Invariant 6). The package speaks neither
// HTTP nor NATS: its dialects are gateway/openai, gateway/gemini and gateway/micro.
package gateway
