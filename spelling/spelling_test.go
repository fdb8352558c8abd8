package spelling_test

import (
	"testing"

	"sluice/spelling"
)

func TestTheNearestWordIsMeant(t *testing.T) {
	words := []string{"listen", "tls_cert", "tls_key", "max_body", "timeout", "id"}
	for typed, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "tls-cert": "tls_cert", "tlskey": "tls_key", "maxbody": "max_body",
		"timout": "timeout", "ID": "id", "io": "", "port": "", "": "",
	} {
		if got := spelling.Meant(typed, words); got != want {
			t.Errorf("%q: %q is meant, want %q", typed, got, want)
		}
	}
}
