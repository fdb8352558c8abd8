package streams

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"sluice"
)

// shape is how a field travels.
type shape uint8

const (
	text shape = iota
	whole
	flag
	instant
	texts
	fraction
	byText   // fractions
	byPolicy // fractions
	optional // a fraction or a struct that may be missing
	nested
	several // structs
)

// slot is one field of a struct.
type slot struct {
	name  string
	key   []byte // the name as msgpack writes it
	index int
	shape shape
	// omit leaves out a value that is empty: the reader's zero is the same.
	omit  bool
	inner *layout // of nested and of several
	held  *slot   // of optional: what is pointed at
}

// layout is how a struct of plain fields travels: texts, numbers, flags, instants, lists of texts, numbers by
// name, structs of those, and lists of such structs. Nearly every message of ours is one. It is worked out once a type,
// so that reading and writing need not ask for each field of each message what it is; the format is that of the msgpack
// library, which serves all other types.
type layout struct {
	slots []slot
	// rooms holds places for values while they are written, *T each.
	rooms sync.Pool
}

// layouts maps a reflect.Type to its *layout; nil for a type that is not plain.
var layouts sync.Map

func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	l, _ := layouts.LoadOrStore(t, newLayout(t))
	return l.(*layout)
}

func newLayout(t reflect.Type) *layout {
	if t.Kind() != reflect.Struct || t == timeType {
		return nil
	}
	l := &layout{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" || len(name) > maxFixText {
			return nil
		}
		s := slot{name: name, index: i, omit: options != "", key: append([]byte{msgpcode.FixedStrLow | byte(len(name))}, name...)}
		if !s.resolve(f.Type) {
			return nil
		}
		l.slots = append(l.slots, s)
	}
	return l
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	textsType    = reflect.TypeFor[[]string]()
	byTextType   = reflect.TypeFor[map[string]float64]()
	byPolicyType = reflect.TypeFor[map[sluice.Policy]float64]()
)

// resolve finds the shape of a type; false where it has none.
func (s *slot) resolve(t reflect.Type) bool {
	switch {
	case t.Kind() == reflect.String:
		s.shape = text
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		s.shape = whole
	case t.Kind() == reflect.Bool:
		s.shape = flag
	case t == timeType:
		s.shape = instant
	case t == textsType:
		s.shape = texts
	case t.Kind() == reflect.Float64:
		s.shape = fraction
	case t == byTextType:
		s.shape = byText
	case t == byPolicyType:
		s.shape = byPolicy
	case t.Kind() == reflect.Pointer:
		s.shape, s.held = optional, &slot{name: s.name}
		return t.Elem().Kind() != reflect.Pointer && s.held.resolve(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		s.shape, s.inner = several, layoutOf(t.Elem())
		return s.inner != nil
	default:
		s.shape, s.omit = nested, false
		s.inner = layoutOf(t)
		return s.inner != nil
	}
	return true
}

// find is the slot of a name. Names mostly come in the order of the slots: next is the first guess.
func (l *layout) find(name []byte, next int) int {
	if next < len(l.slots) && l.slots[next].name == string(name) {
		return next
	}
	for i := range l.slots {
		if l.slots[i].name == string(name) {
			return i
		}
	}
	return -1
}
