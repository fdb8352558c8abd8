// Package wire asks one server over plain HTTP/1.1: a model on the same machine or in the same network.
//
// A request enters, a response leaves, and what lies between is done by the goroutine that asks: it writes, and
// it reads until the response's end. net/http hands both to goroutines of the connection, which may talk at
// the same time; requests that fit into the socket's buffer need none of that, and save their four changes of
// goroutine, about half of what an exchange costs on loopback. Whatever else there is (TLS, HTTP/2, proxies,
// long requests) is net/http's: see [Wire.Takes].
package wire
