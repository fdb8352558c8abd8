package privacy_test

import (
	"strings"
	"testing"

	"sluice/privacy"
)

// wide writes letters, digits and signs as the input methods of Chinese and Japanese do.
var wide = strings.NewReplacer(wideOf("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@+-._")...)

func wideOf(signs string) (pairs []string) {
	for _, c := range signs {
		pairs = append(pairs, string(c), string(c-'!'+'！'))
	}
	return append(pairs, " ", "\u3000")
}

// arabic writes digits as Arabic and Persian do.
var arabic = []*strings.Replacer{
	strings.NewReplacer("0", "٠", "1", "١", "2", "٢", "3", "٣", "4", "٤", "5", "٥", "6", "٦", "7", "٧", "8", "٨", "9", "٩"),
	strings.NewReplacer("0", "۰", "1", "۱", "2", "۲", "3", "۳", "4", "۴", "5", "۵", "6", "۶", "7", "۷", "8", "۸", "9", "۹"),
}

func TestPersonalDataIsMaskedHoweverItIsWritten(t *testing.T) {
	for placeholder, all := range masked {
		for _, piece := range all {
			half := len(piece) / 2
			writings := []string{wide.Replace(piece)}
			for _, unseen := range []string{"\u200b", "\u00ad", "\u2060", "\u202c", "\ufeff", "\ufe0e", "\ufe0f", "\U000e0100", "\U000e01ef", "\u180b", "\ufe0f\u20e3"} {
				if isASCII(piece) {
					writings = append(writings, piece[:1]+unseen+piece[1:half]+unseen+piece[half:])
				}
			}
			if placeholder == privacy.Phone || placeholder == privacy.Card {
				writings = append(writings, arabic[0].Replace(piece), arabic[1].Replace(piece))
			}
			for _, w := range writings {
				if strings.Contains(w, "\u2011") || strings.Contains(w, "\u2212") {
					continue
				}
				if got, n := privacy.Scrub("请看 " + w + " 谢谢"); got != "请看 "+placeholder+" 谢谢" || n != 1 {
					t.Errorf("%q: %q, %d", w, got, n)
				}
			}
		}
	}
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > '~' }) < 0 }

func TestWhatIsNotMaskedStaysAsItWasWritten(t *testing.T) {
	for in, want := range map[string]string{
		"あ\u200bい bob@example.com ２０２６年":      "あ\u200bい " + privacy.Email + " ２０２６年",
		"卡号\u200b4111111111111111":            "卡号\u200b" + privacy.Card, // parted from the word by it alone
		"号码，４１１１１１１１１１１１１１１１，谢谢":              "号码，" + privacy.Card + "，谢谢",
		"\u202a+49 151 23456789\u202c.":       "\u202a" + privacy.Phone + "\u202c.",
		"４１１１ １１１１ １１１１ １１１２":                 "４１１１ １１１１ １１１１ １１１２",
		"👩\u200d🔬 ２０２６年１月２７日、３．１４":            "👩\u200d🔬 ２０２６年１月２７日、３．１４",
		"\xff１\xfe bob@example.com\u200b\xff": "\xff１\xfe " + privacy.Email + "\u200b\xff",
	} {
		if got, _ := privacy.Scrub(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
