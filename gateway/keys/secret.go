package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
)

// prefix begins every secret, so that people and leak scanners recognise one.
const prefix = "sk-sluice-"

// The bytes of randomness in a key's id and in its secret.
const (
	idBytes     = 10
	secretBytes = 32
)

var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// draw is n random bytes as lower-case letters and digits.
func draw(n int) (string, error) {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("draw a key: %w", err)
	}
	return strings.ToLower(letters.EncodeToString(b)), nil
}

// newSecret draws an id and the secret that names it: "sk-sluice-<id>-<256 random bits>".
func newSecret() (id, secret string, err error) {
	if id, err = draw(idBytes); err != nil {
		return "", "", err
	}
	tail, err := draw(secretBytes)
	if err != nil {
		return "", "", err
	}
	return id, prefix + id + "-" + tail, nil
}

// idOf reads the id off a secret; "" where it is not one of ours.
func idOf(secret string) string {
	rest, ok := strings.CutPrefix(secret, prefix)
	if !ok {
		return ""
	}
	id, _, ok := strings.Cut(rest, "-")
	if !ok {
		return ""
	}
	return id
}

// digest is what is stored of a secret. A plain hash is enough: nobody guesses 256 random bits.
func digest(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// matches compares in constant time.
func matches(secret string, want [sha256.Size]byte) bool {
	got := digest(secret)
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
