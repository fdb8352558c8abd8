package sluice_test

import (
	"testing"
	"unicode/utf8"

	"sluice"
)

func TestCleanTextFitsTheLogAndPostgres(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"  plain\n", 0, "plain"},
		{"a\x00b\xffc\u0085d\x1b[0m", 0, "abcd[0m"},
		{"line\n\tindented\r\n", 0, "line\n\tindented"},
		{"héé", 3, "hé"},
		{"héé", 4, "hé"},
		{"héé", 5, "héé"},
		{"日本", 2, ""},
		{"\x00\xff ", 0, ""},
	} {
		got := sluice.CleanText(c.in, c.max)
		if got != c.want || !utf8.ValidString(got) {
			t.Errorf("CleanText(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
		if again := sluice.CleanText(got, c.max); again != got {
			t.Errorf("CleanText(%q) again is %q", got, again)
		}
	}
}

func TestAPairNamesTheKeyOfItsArms(t *testing.T) {
	one, _ := sluice.NewArmKey([]byte("the first secret of all"))
	other, _ := sluice.NewArmKey([]byte("another secret than that"))
	pair := one.Pair("flash", "pro", "a1")
	if !one.Owns(pair) || other.Owns(pair) {
		t.Errorf("pair %s: owned by its key %t, by another %t", pair, one.Owns(pair), other.Owns(pair))
	}
	if bare := sluice.PairID("flash", "pro", "a1"); !one.Owns(bare) || !other.Owns(bare) {
		t.Errorf("pair %s names no key and must be owned by every one", bare)
	}
}
