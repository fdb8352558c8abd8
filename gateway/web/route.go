package web

import (
	"net/http"
	"strconv"
	"strings"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
)

// Route is one endpoint of a dialect.
type Route struct {
	// Pattern is that of http.ServeMux, method included.
	Pattern string
	// Google is true where the route is for clients that bring their key as Google's do; one of the same pattern is for
	// all others, and both are told apart by nothing else.
	Google bool
	// Scope is what a key must be allowed.
	Scope keys.Scope
	// Rated takes a request off its key's rate before it is read. Routes that a pipeline decides on are not: it does so
	// itself.
	Rated bool
	// Handle answers. A fault that it returns is written by Fail; having written anything it returns nil.
	Handle func(w http.ResponseWriter, r *Request) *gateway.Fault
	// Fail writes a fault in the dialect's words. Status and Retry-After are set by it too: see [WriteFault].
	Fail func(w http.ResponseWriter, f *gateway.Fault)
}

// Request is a request that was let in.
type Request struct {
	*http.Request
	Key keys.Key
	// Body is the whole body; reading Request.Body gives nothing.
	Body []byte
}

// The headers of requests and replies.
const (
	HeaderDecision  = "X-Sluice-Decision-Id"
	HeaderPolicy    = "X-Sluice-Policy"
	HeaderModel     = "X-Sluice-Model"
	HeaderCost      = "X-Sluice-Cost-Microusd"
	HeaderRouter    = "X-Sluice-Router-Version"
	HeaderRule      = "X-Sluice-Rule"
	HeaderReplayed  = "X-Sluice-Replayed"
	HeaderRequest   = "X-Request-Id" // where OpenAI's clients look for one: the decision's id once more, or the client's own, or a new one
	headerThreshold = "X-Sluice-Threshold"
	headerExplain   = "X-Sluice-Explain"
	headerTalk      = "X-Sluice-Conversation"
	headerTags      = "X-Sluice-Tags"
)

// Knobs reads the request headers that every dialect knows into an ask.
func (r *Request) Knobs(a *gateway.Ask) *gateway.Fault {
	a.Key = r.Key
	if v := first(r.Header, headerThreshold); v != "" {
		t, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return gateway.Invalid(headerThreshold, "want a number from 0 to 1")
		}
		a.Threshold = &t
	}
	if v := first(r.Header, headerExplain); v != "" {
		explain, err := strconv.ParseBool(v)
		if err != nil {
			return gateway.Invalid(headerExplain, "want true or false")
		}
		a.Explain = explain
	}
	if v := first(r.Header, headerTalk); v != "" {
		a.Conversation = v
	}
	for tag := range strings.SplitSeq(first(r.Header, headerTags), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			a.Tags = append(a.Tags, tag)
		}
	}
	return nil
}

// first is the first value of a header whose name is canonical, which [http.Header.Get] would see to.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// describing are the headers of Describe, in the order of its words.
var describing = [...]string{HeaderDecision, HeaderRequest, HeaderModel, HeaderRule, HeaderRouter, HeaderPolicy}

// Describe tells of a decision in headers. The cost is told by [Price], once it is known.
func Describe(h http.Header, d *sluice.Decision) {
	if d.ID == "" {
		return
	}
	words := []string{d.ID, d.ID, d.Model, d.Rule, d.RouterVersion, string(d.Policy)}
	for i, name := range describing {
		if words[i] != "" { // no model where a rule refuses, no policy where no router was asked
			h[name] = words[i : i+1 : i+1]
		}
	}
}

// Price tells what a decision cost: a header before the body is begun, a trailer that was announced after.
func Price(h http.Header, d *sluice.Decision) {
	if d.ID != "" {
		h[HeaderCost] = []string{strconv.FormatInt(int64(d.Cost), 10)}
	}
}

// WriteFault writes a fault's head and a JSON body in a dialect's words.
func WriteFault(w http.ResponseWriter, f *gateway.Fault, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+999_999_999)/1_000_000_000), 10))
	}
	if f.Kind == gateway.OverBudget { // OpenAI's clients try a 429 again otherwise, at once and for nothing
		h.Set("X-Should-Retry", "false")
	}
	if f.Kind == gateway.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(f.Status())
	_, _ = w.Write(body) // the client is gone otherwise
}

// WriteJSON writes a whole reply.
func WriteJSON(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	// net/http tells the length of a short reply by itself. A map of more than eight headers costs twice as much to
	// make, and net/http copies it.
	if len(body) > shortReply {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	_, _ = w.Write(body) // the client is gone otherwise
}

// shortReply is how many bytes net/http gathers before it sends the head of a reply.
const shortReply = 2048

// jsonType is shared: nobody changes a header's values.
var jsonType = []string{"application/json"}

// fromGoogle says whether a request brings its key as Google's clients do.
func fromGoogle(r *http.Request) bool {
	return r.Header.Get("X-Goog-Api-Key") != "" || strings.Contains(r.URL.RawQuery, "key=") && r.URL.Query().Has("key")
}

// secretOf is the API key that a request brought, in whichever place its dialect puts it. It is removed
// from the request, so that nobody behind the door can write it down.
func secretOf(r *http.Request) string {
	secret := ""
	for _, name := range [...]string{"Authorization", "X-Goog-Api-Key", "X-Api-Key"} {
		v, brought := r.Header[name]
		if !brought {
			continue
		}
		delete(r.Header, name)
		if secret != "" || len(v) == 0 {
			continue
		}
		secret = v[0]
		if name == "Authorization" {
			bearer, _ := cutPrefixFold(secret, "bearer ")
			secret = strings.TrimSpace(bearer)
		}
	}
	if strings.Contains(r.URL.RawQuery, "key=") {
		q := r.URL.Query()
		if secret == "" {
			secret = q.Get("key")
		}
		q.Del("key")
		r.URL.RawQuery, r.RequestURI = q.Encode(), ""
	}
	return secret
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
