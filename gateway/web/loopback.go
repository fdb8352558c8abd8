package web

import "net/http"

// Loopback says whether a request came from this machine, through no proxy, to a name that only this machine
// has for itself: so that no other site's page, whatever its name points to, can have sent it.
func Loopback(r *http.Request) bool {
	return !has(r, "Forwarded") && !has(r, "X-Forwarded-For") && isLoopback(r.RemoteAddr) && isLoopback(r.Host)
}

// has says whether a header is there at all: a proxy may add its word behind a client's, which is empty.
func has(r *http.Request, name string) bool { return len(r.Header[name]) > 0 }
