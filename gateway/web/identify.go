package web

import (
	"net/http"

	"sluice"
	"sluice/gateway"
)

// identify has the reply tell an id of its request: the client's own, or a new one. A decision's takes its place where
// there comes to be one ([Describe]).
func identify(w http.ResponseWriter, r *http.Request) {
	id := first(r.Header, HeaderRequest)
	if !tame(id) {
		id = sluice.NewID()
	}
	w.Header()[HeaderRequest] = []string{id}
}

// longestName bounds a client's id of a request, in bytes.
const longestName = 128

// tame says whether an id may stand in a header and in a line of the log as it is.
func tame(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return id != "" && len(id) <= longestName
}

// refuse writes a fault, and a line of the log that is found by the id that the client was told. What was decided on
// has its line already: see [gateway.Lines]. The words of a fault may quote the request, so that the line has none but the
// name of a parameter, personal data in it masked.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, pattern string, fail func(http.ResponseWriter, *gateway.Fault), f *gateway.Fault) {
	h := w.Header()
	if h[HeaderRequest] == nil {
		identify(w, r)
	}
	if h[HeaderDecision] == nil {
		d.tell(h[HeaderRequest][0], pattern, f)
	}
	fail(w, f)
}

// mostTold is how many lines a second the log takes about refused requests: whoever has no key may send any number.
const mostTold = 100

func (d *Door) tell(id, pattern string, f *gateway.Fault) {
	if !d.telling.Allow() {
		d.untold.Add(1)
		return
	}
	words := []any{"request_id", id, "route", pattern, "status", f.Status(), "kind", string(f.Kind), "param", gateway.Scrubbed(f.Param)}
	if n := d.untold.Swap(0); n > 0 {
		words = append(words, "untold", n)
	}
	d.o.Log.Info("refused", words...)
}
