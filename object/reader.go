package object

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads JSON whose fields are known when the program is written: bodies as nearly all clients and servers
// write them. It understands less than there is, and nothing in another way than encoding/json/v2: what it does not
// expect (a value of another type, a name that is there twice, text that is no UTF-8, anything malformed) makes it
// fail, for good, and its caller has encoding/json read all anew, or say what is wrong.
type Reader struct {
	data   string
	at     int
	failed bool
}

// NewReader reads one value. What is read of it are parts of data.
func NewReader(data string) Reader { return Reader{data: data} }

// Fail makes the reading fail: its caller met what it does not expect.
func (r *Reader) Fail() { r.failed = true }

// Done says whether all was read, and was as expected.
func (r *Reader) Done() bool { return r.peek() == 0 && r.at == len(r.data) && !r.failed }

// many bounds the fields of an object, which are compared with one another, and deep the nesting of what is skipped.
const many, deep = 16, 16

// Object yields the names of an object's fields. The loop's body reads each field's value.
func (r *Reader) Object(yield func(name string) bool) {
	var names [many]string
	for n := 0; r.element(n, '{', '}'); n++ {
		name := r.quoted()
		if n == many || !r.take(':') || strings.IndexByte(name, '\\') >= 0 {
			r.failed = true
			return
		}
		for _, other := range names[:n] {
			r.failed = r.failed || name == other
		}
		names[n] = name
		if r.failed || !yield(name) {
			return
		}
	}
}

// List counts the elements of a list. The loop's body reads each.
func (r *Reader) List(yield func(n int) bool) {
	for n := 0; r.element(n, '[', ']') && yield(n); n++ {
	}
}

// element goes to the n-th element of what opens and closes so; false where there is none.
func (r *Reader) element(n int, open, end byte) bool {
	if n == 0 {
		if !r.take(open) {
			return false
		}
		if r.peek() == end {
			r.at++
			return false
		}
		return true
	}
	if r.peek() == end {
		r.at++
		return false
	}
	return r.take(',')
}

// Text reads a text.
func (r *Reader) Text() string {
	raw := r.quoted()
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	plain, err := jsontext.AppendUnquote(nil, r.data[r.at-len(raw)-2:r.at])
	r.failed = r.failed || err != nil
	return string(plain)
}

// Whole reads a whole number that is not negative and has at most 18 digits.
func (r *Reader) Whole() int64 {
	digits := r.number()
	n, err := strconv.ParseUint(digits, 10, 63)
	r.failed = r.failed || err != nil || len(digits) > 18
	return int64(n)
}

// Truth reads true or false.
func (r *Reader) Truth() bool {
	yes := r.peek() == 't'
	if yes {
		r.literal("true")
	} else {
		r.literal("false")
	}
	return yes
}

// Null reads null, where that is what is there.
func (r *Reader) Null() bool {
	if r.peek() != 'n' {
		return false
	}
	r.literal("null")
	return true
}

// Skip passes over any value.
func (r *Reader) Skip() { r.skip(deep) }

func (r *Reader) skip(deep int) {
	if deep == 0 {
		r.failed = true
	}
	if r.failed {
		return
	}
	switch r.peek() {
	case '"':
		r.Text()
	case '{':
		for range r.Object {
			r.skip(deep - 1)
		}
	case '[':
		for range r.List {
			r.skip(deep - 1)
		}
	case 't', 'f':
		r.Truth()
	case 'n':
		r.Null()
	default:
		r.number()
	}
}

// peek is the next byte that is no blank; 0 at the end, or where the reading has failed.
func (r *Reader) peek() byte {
	for !r.failed && r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// take steps over a byte that must come next.
func (r *Reader) take(c byte) bool {
	if r.peek() != c {
		r.failed = true
		return false
	}
	r.at++
	return true
}

func (r *Reader) literal(word string) {
	if !strings.HasPrefix(r.data[r.at:], word) {
		r.failed = true
		return
	}
	r.at += len(word)
}

// quoted reads a text without its quotation marks, and with its escapes.
func (r *Reader) quoted() string {
	if !r.take('"') {
		return ""
	}
	ascii := true
	for i := r.at; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			raw := r.data[r.at:i]
			r.at = i + 1
			r.failed = r.failed || !ascii && !utf8.ValidString(raw)
			return raw
		case c == '\\':
			i++
		case c < ' ':
			r.failed = true
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.failed = true
	return ""
}

// number reads a number as it is written.
func (r *Reader) number() string {
	r.peek()
	begin := r.at
	for r.at < len(r.data) && strings.IndexByte("0123456789+-.eE", r.data[r.at]) >= 0 {
		r.at++
	}
	n := r.data[begin:r.at]
	r.failed = r.failed || !isWhole(n) && !jsontext.Value(n).IsValid()
	return n
}

// isWhole tells most numbers without asking further.
func isWhole(n string) bool {
	for i := range len(n) {
		if n[i] < '0' || n[i] > '9' {
			return false
		}
	}
	return n == "0" || n != "" && n[0] != '0'
}
