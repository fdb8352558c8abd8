package streams

import (
	"strconv"
	"strings"
)

// ackSubject is what the subject that settles a delivery says of its message.
type ackSubject struct {
	stream               string
	deliveries, sequence uint64
	at                   int64 // Unix nanoseconds
}

// parseAckSubject reads $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<time>.<pending>,
// which is what a server without a domain sends; false for any other shape.
func parseAckSubject(s string) (p ackSubject, ok bool) {
	rest, ok := strings.CutPrefix(s, "$JS.ACK.")
	if !ok || strings.Count(rest, ".") != 6 {
		return p, false
	}
	p.stream, rest, _ = strings.Cut(rest, ".")
	_, rest, _ = strings.Cut(rest, ".")
	deliveries, rest, _ := strings.Cut(rest, ".")
	sequence, rest, _ := strings.Cut(rest, ".")
	_, rest, _ = strings.Cut(rest, ".")
	at, _, _ := strings.Cut(rest, ".")
	var errs [3]error
	p.deliveries, errs[0] = strconv.ParseUint(deliveries, 10, 64)
	p.sequence, errs[1] = strconv.ParseUint(sequence, 10, 64)
	p.at, errs[2] = strconv.ParseInt(at, 10, 64)
	return p, errs == [3]error{}
}
