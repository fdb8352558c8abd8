// Package streams is the log's vocabulary: every stream, subject, durable, header, message id and
// codec is spelled here and nowhere else.
//
// Domain values enter and [Message] values leave (facts.go), and the other way round (Decode). The
// package also applies its streams to a server, publishes with confirmation and reads the last message
// of a subject. It never decides anything about a message: that is the runner's and the stages' work.
package streams
