// Package plain answers the requests that nearly every client of a gateway sends, in the clear: a POST of HTTP/1.1 to
// a plain path, its body's length told once, head and body short and come in one piece. All others are net/http's.
//
// Connections enter through a [Listener], which is a listener itself: what comes out of it, for an [http.Server], are
// the connections that said something that is not plain, with what they said. They stay net/http's. Why two ways: of
// what net/http takes for a request, less than half is spent on what such a request needs. It watches the client from
// a goroutine of the request's own, sets seven deadlines, and makes two contexts.
//
// A handler can't tell the difference, but for what net/http offers beside the reply: a connection can't be taken over
// (http.Hijacker), and the request's context, which ends when the client leaves, outlives the handler on a
// connection that is used again. That a client has left is noticed after [lookAfter]: whoever is answered sooner was
// answered.
package plain
