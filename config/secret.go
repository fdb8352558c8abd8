package config

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// redacted is what every rendering of a set secret shows.
const redacted = "[redacted]"

// Secret is a value that must not be seen: an API key, a URL with a password. Every way of printing
// or marshalling it shows a placeholder; only [Secret.Reveal] gives the value. The zero value is an
// unset secret.
type Secret struct {
	// value is behind a pointer, since fmt reads unexported fields of other structs past our methods.
	value *string
}

// newSecret wraps a value; an empty one is an unset secret.
func newSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal gives the value, for the one call that needs it. Don't store or format it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Set says whether there is a value.
func (s Secret) Set() bool { return s.value != nil }

// String shows that there is a secret, or "" where there is none.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return redacted
}

// Format is String for every verb and flag of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String; JSON, YAML and slog go through it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SecretSet holds the secrets of a run. The zero value holds none.
type SecretSet struct {
	// DatabaseURL is DATABASE_URL; unset means a private cluster.
	DatabaseURL Secret
	// ArmKey is SLUICE_ARM_KEY: at least 16 bytes; unset means that one is drawn and kept in
	// the log, where the answer and label stages alone read it.
	ArmKey Secret
	// NATSURL is NATS_URL, which may hold a password. [Config.NATS].URL holds it without.
	NATSURL Secret

	pgPassword Secret // PGPASSWORD, which the Postgres driver reads by itself
	keys       map[string]Secret
}

// Key is the API key that the environment variable holds; unset where it does not.
func (s SecretSet) Key(env string) Secret { return s.keys[env] }

// Redact replaces every occurrence of a secret, and of a password inside one, in a text that came from
// elsewhere: an error of a driver, a reply of a server.
func (s SecretSet) Redact(text string) string {
	for _, v := range s.values() {
		text = strings.ReplaceAll(text, v, redacted)
	}
	return text
}

// values lists what must not be seen, longest first, so that a URL goes before its password.
func (s SecretSet) values() []string {
	var out []string
	add := func(v string) {
		if len(v) >= 4 { // anything shorter would blot out innocent text
			out = append(out, v)
		}
	}
	for _, sec := range s.keys {
		add(sec.Reveal())
	}
	add(s.ArmKey.Reveal())
	add(s.pgPassword.Reveal())
	for _, v := range passwordsIn(s.DatabaseURL.Reveal()) {
		add(v)
	}
	for one := range strings.SplitSeq(s.NATSURL.Reveal(), ",") {
		for _, v := range passwordsIn(strings.TrimSpace(one)) {
			add(v)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return out
}

// keywordPassword finds the password of a connection string of the form "host=h password=p".
var keywordPassword = regexp.MustCompile(`password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// passwordsIn lists what of a connection URL, or of a keyword string, must not be seen, in each
// spelling that it may come back in.
func passwordsIn(conn string) []string {
	if conn == "" {
		return nil
	}
	u, err := url.Parse(conn)
	if err != nil || !strings.Contains(conn, "://") {
		if m := keywordPassword.FindStringSubmatch(conn); m != nil {
			return []string{strings.Trim(m[1], "'")}
		}
		if err != nil {
			return []string{conn} // no telling which part of it is the secret
		}
		return nil
	}
	var found []string
	if p := u.Query().Get("password"); p != "" {
		found = append(found, p)
	}
	if u.User != nil {
		p, has := u.User.Password()
		if !has && isNATS(u) {
			p = u.User.Username() // nats://token@host
		}
		if p != "" {
			found = append(found, p, url.QueryEscape(p), url.PathEscape(p))
		}
	}
	return found
}

func isNATS(u *url.URL) bool { return u.Scheme == "nats" || u.Scheme == "tls" || u.Scheme == "" }

// WithoutPassword is a list of URLs, separated by commas, that may be shown.
func WithoutPassword(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		u, err := url.Parse(strings.TrimSpace(p))
		switch {
		case err != nil:
			parts[i] = redacted
		case u.User != nil:
			if _, has := u.User.Password(); has {
				u.User = url.UserPassword(u.User.Username(), "xxxxx")
			} else if isNATS(u) {
				u.User = url.User("xxxxx")
			}
			parts[i] = u.String()
		}
	}
	return strings.Join(parts, ",")
}
