// Package plain answers the requests that nearly every client of a gateway sends, in the clear: a POST of HTTP/1.1 to
// a plain path, its body's length told once, head and body short and come at once. All others are net/http's.
//
// Connections enter through a [Listener], which is a listener itself: what comes out of it, for an [http.Server], are
// the connections that said something that is not plain, with what they said. They stay net/http's. Why two ways: for
// each request net/http has a goroutine that watches the client, sets some eight deadlines and makes two contexts,
// which is more than all else that it does for a short one (docs/adr/0014-a-spool-before-the-log.md).
//
// A handler can't tell the difference, but for what net/http offers beside the reply: a connection can't be taken over
// (http.Hijacker), what was written is sent by an [http.ResponseController] alone (no http.Flusher), nothing is said
// before the reply (no 1xx), and the request's context, which ends when the client leaves, outlives the handler on a
// connection that is used again. That a client has left is noticed after [lookAfter]: whoever is answered sooner was
// answered.
package plain
