// Package intake is the ring's entrance: it reads what upstream published on `queries.asked.<source>`,
// once, and lets it in or says what is wrong with it.
//
// One message enters, JSON (the default) or msgpack by its Content-Type header. One accepted query
// leaves, with its key, its split and its lane; or an error that carries the reason and words for a
// person, and the message goes to the dead letters as it came. No other stage sees the raw message, so
// no other stage can be harmed by one. It never asks a model, and looks into the
// log for queries in a hurry alone.
//
// # What is refused, and why so much
//
// A key that is not in the contract is refused by name, with the key that was probably meant. Passing it
// over would be kinder at first sight, but a `groundtruth` passed over turns a query with a known answer
// into one that is judged without it, silently and for money. Nothing is lost by refusing: the bytes
// rest in the dead letters and can be replayed, after an upgrade that knows the key too. Keys that begin
// with "x_" are upstream's own and are passed over whatever they hold.
//
// Also refused: a key given twice, bytes after the value, a value of another type than the contract's
// (null is as good as absent), text that is not valid UTF-8 or holds control characters (in a
// question and in an accepted answer tab and line feed are fine, and CR LF becomes line feed), blank questions and answers, and whatever
// exceeds its bound.
package intake
