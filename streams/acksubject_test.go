package streams

import "testing"

func TestTheSubjectOfAnAckNamesItsMessage(t *testing.T) {
	got, ok := parseAckSubject("$JS.ACK.ANSWERS.judge-v1.3.41.77.1763000000123456789.12")
	if want := (ackSubject{"ANSWERS", 3, 41, 1763000000123456789}); !ok || got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, other := range []string{
		"", "_INBOX.a.b", "$JS.ACK.S.c.1.2.3.4", "$JS.ACK.S.c.x.2.3.4.5", "$JS.ACK.hub.acc.S.c.1.2.3.4.5", "$JS.ACK.hub.acc.S.c.1.2.3.4.5.rnd",
	} {
		if _, ok := parseAckSubject(other); ok {
			t.Errorf("%q is read", other)
		}
	}
}
