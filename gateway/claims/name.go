package claims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/streams"
)

// How a name is held: renewed every so often, and free once nobody has renewed it for nameGood.
const (
	RenewEvery = 5 * time.Second
	nameGood   = 3 * RenewEvery
)

// ErrTaken says that another process runs under the name.
var ErrTaken = errors.New("another process runs under this name")

// errRefused says that the log takes no claim in place of an old one.
var errRefused = errors.New("the claim of a name is not taken: it was changed just now, or the bucket has no room (nats.replies_max_bytes)")

// Holder is who holds a name. Place tells one place in the world from another, a copy of it included: of the processes
// of one place one runs at a time. The rest is for people.
type Holder struct {
	Place string `json:"place"`
	Host  string `json:"host"`
	Dir   string `json:"dir"`
	PID   int    `json:"pid"`
}

// taken says that the holder runs under a name that another one wants.
func (h Holder) taken() error {
	return fmt.Errorf("%w: process %d on %s, in %s", ErrTaken, h.PID, h.Host, h.Dir)
}

// book is where claims stand; streams.Claims is one.
type book interface {
	Put(ctx context.Context, name string, value []byte, over uint64) (revision uint64, ok bool, err error)
	Get(ctx context.Context, name string) (value []byte, revision uint64, age time.Duration, err error)
	Drop(ctx context.Context, name string, revision uint64) error
}

// Name is a name that one place in the world may use at a time.
type Name struct {
	book book
	key  string
	me   Holder
}

// NewName makes the name; nobody holds it for that.
func NewName(b book, name string, me Holder) *Name {
	return &Name{book: b, key: "name." + name, me: me}
}

// Take takes the name. It is had at once where nobody holds it, or the last process of the same place does, which is
// dead then; where another place does, Take waits until that one has been silent for long enough. [ErrTaken] says that
// it is not silent. waits hears whom it waits for.
func (n *Name) Take(ctx context.Context, waits func(Holder)) error {
	var seen uint64
	for refused := 0; ; {
		who, revision, age, err := n.holder(ctx)
		if err != nil {
			return err
		}
		if n.free(who, revision, age) {
			if ok, err := n.put(ctx, revision); ok || err != nil {
				return err
			}
			if refused++; refused > 3 {
				return errRefused
			}
			if err := streams.Pause(ctx, RenewEvery/10); err != nil {
				return err
			}
			continue
		}
		if seen != 0 && revision != seen {
			return who.taken()
		}
		if seen == 0 {
			waits(who)
		}
		seen = revision
		if err := streams.Pause(ctx, min(nameGood-age, RenewEvery)+RenewEvery/10); err != nil {
			return err
		}
	}
}

// Renew holds the name for another while; call it every [RenewEvery]. [ErrTaken] says that another place took it
// meanwhile; any other error that the log can't be reached or takes no claim, and that nothing is known.
func (n *Name) Renew(ctx context.Context) error {
	who, revision, age, err := n.holder(ctx)
	if err != nil {
		return err
	}
	if !n.free(who, revision, age) {
		return who.taken()
	}
	if ok, err := n.put(ctx, revision); err != nil || ok {
		return err
	}
	return errRefused
}

// Free lets the name go where we hold it.
func (n *Name) Free(ctx context.Context) error {
	who, revision, _, err := n.holder(ctx)
	if err != nil || revision == 0 || who != n.me {
		return err
	}
	return n.book.Drop(ctx, n.key, revision)
}

// free says whether the name may be taken by us. A claim without a place is nobody's: whoever may publish anything may
// have the server answer there.
func (n *Name) free(who Holder, revision uint64, age time.Duration) bool {
	return revision == 0 || who.Place == "" || who.Place == n.me.Place || age >= nameGood
}

func (n *Name) holder(ctx context.Context) (who Holder, revision uint64, age time.Duration, err error) {
	value, revision, age, err := n.book.Get(ctx, n.key)
	if json.Unmarshal(value, &who) != nil {
		who = Holder{} // what nobody can read is nobody's
	}
	return who, revision, age, err
}

func (n *Name) put(ctx context.Context, over uint64) (bool, error) {
	value, err := json.Marshal(n.me)
	if err != nil {
		return false, err
	}
	_, ok, err := n.book.Put(ctx, n.key, value, over)
	return ok, err
}
