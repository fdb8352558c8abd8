// Package keys knows who may use a gateway: virtual API keys.
//
// A secret enters, as a client sent it; the key that it belongs to leaves, or an error that says no more
// than a stranger may know. Of a secret only its SHA-256 is stored, in the log's bucket "keys", and the
// secret is shown once, to whoever made the key. Every replica holds all keys in memory and asks the log
// for news a few times a second, so that a lookup asks nobody and a revocation holds everywhere within a
// second. Nothing here speaks HTTP.
package keys
