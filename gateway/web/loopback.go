package web

import "net/http"

// Loopback says whether a request came from this machine, through no proxy, to a name that only this machine
// has for itself: so that no other site's page, whatever its name points to, can have sent it.
func Loopback(r *http.Request) bool {
	return first(r.Header, "Forwarded") == "" && first(r.Header, "X-Forwarded-For") == "" && isLoopback(r.RemoteAddr) && isLoopback(r.Host)
}
