package web

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/bulkhead"
	"sluice/gateway"
)

// Shared is where gateways tell each other what they answer; *streams.Claims is one.
type Shared interface {
	// Put stores a value where the name still has the revision; 0: where nothing stands. ok is false where
	// another gateway was faster.
	Put(ctx context.Context, name string, value []byte, over uint64) (revision uint64, ok bool, err error)
	// Get reads what stands there, and its age; revision 0: nothing.
	Get(ctx context.Context, name string) (value []byte, revision uint64, age time.Duration, err error)
	// Drop removes it if the name still has the revision.
	Drop(ctx context.Context, name string, revision uint64) error
}

const (
	// claimEvery is how often a gateway says that it is still answering, claimLease how long it may be silent
	// before another one may answer instead: it was killed, or lost the log.
	claimEvery = 5 * time.Second
	claimLease = 30 * time.Second
	// claimPatience bounds the wait for the log, before and after an answer.
	claimPatience = time.Second
	// mostShared is the size of a reply that one message of the log surely holds, sealed.
	mostShared = 512 << 10
)

// claimed is what stands in the log: by a hash of the Idempotency-Key, readable by nobody who was not told key and
// request.
type claimed struct {
	// Match tells the request from others under the same key.
	Match []byte `json:"match"`
	// Sealed is the reply; empty while it is being made.
	Sealed []byte `json:"sealed,omitempty"`
}

// kept is a reply as it is sealed.
type kept struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// claim is this gateway's right to answer a request that others may be sent too. It holds it until end.
type claim struct {
	shared Shared
	name   string
	match  []byte
	secret [sha256.Size]byte

	beside *bulkhead.Bulkhead

	stop     context.CancelFunc
	holding  sync.WaitGroup // the goroutine of hold
	revision uint64         // hold's until it has ended
	lost     bool
}

// newClaim derives name and secrets of a request: who knows neither key nor request can read nothing.
func newClaim(s Shared, key string, asked [sha256.Size]byte) *claim {
	derive := func(purpose, from string) [sha256.Size]byte { return sha256.Sum256([]byte(purpose + "\x00" + from)) }
	request := key + "\x00" + string(asked[:])
	name, match := derive("name", key), derive("match", request)
	return &claim{
		shared: s, name: strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(name[:])),
		match: match[:], secret: derive("seal", request),
	}
}

// take makes the request ours, or finds the stored answer or the reason to refuse. None of them is so where the log
// can't be asked, or has no room: then this gateway answers by what it knows itself, and err says why.
func (c *claim) take(ctx context.Context, own *Replies) (taken bool, stored *reply, fault *gateway.Fault, err error) {
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	var over uint64
	for range 3 {
		revision, ok, err := c.shared.Put(ctx, c.name, c.value(nil), over)
		if err != nil {
			return false, nil, nil, err
		}
		if ok {
			c.revision = revision
			return true, nil, nil, nil
		}
		value, revision, age, err := c.shared.Get(ctx, c.name)
		if err != nil {
			return false, nil, nil, err
		}
		if over = revision; revision == 0 {
			continue // given back in between
		}
		if stored, fault = c.read(value, age, own); stored != nil || fault != nil {
			return false, stored, fault, nil
		}
	}
	return false, nil, inFlight(), nil
}

// read says what a value means for this request; neither: it is nobody's any more.
func (c *claim) read(value []byte, age time.Duration, own *Replies) (*reply, *gateway.Fault) {
	var v claimed
	if json.Unmarshal(value, &v) != nil || len(v.Match) == 0 {
		return nil, nil //nolint:nilerr // what nobody can read is nobody's
	}
	switch {
	case len(v.Sealed) > 0 && age > own.ttl, len(v.Sealed) == 0 && age > claimLease:
		return nil, nil
	case string(v.Match) != string(c.match):
		return nil, otherRequest()
	case len(v.Sealed) == 0:
		return nil, inFlight()
	}
	var k kept
	if plain, err := c.open(v.Sealed); err != nil || json.Unmarshal(plain, &k) != nil {
		return nil, nil //nolint:nilerr // what nobody can read is nobody's
	}
	return &reply{at: own.now().Add(-age), status: k.Status, header: k.Header, body: k.Body}, nil
}

// hold renews the claim until end.
func (c *claim) hold(ctx context.Context) {
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.holding.Go(func() {
		tick := time.NewTicker(claimEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.beside.Do("renewal of an idempotency claim", func() { c.renew(ctx) })
			}
		}
	})
}

func (c *claim) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	revision, ok, err := c.shared.Put(ctx, c.name, c.value(nil), c.revision)
	switch {
	case ok:
		c.revision = revision
	case err == nil:
		c.lost = true // another gateway took over, or a renewal whose answer was lost was stored
	}
}

// end tells the others the answer; nil, or one that is too large to be shared, gives the request back.
func (c *claim) end(ctx context.Context, k *kept) error {
	c.stop()
	c.holding.Wait()
	if c.lost {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimPatience)
	defer cancel()
	if k == nil || len(k.Body) > mostShared {
		return c.shared.Drop(ctx, c.name, c.revision)
	}
	plain, err := json.Marshal(k)
	if err != nil {
		return errors.Join(err, c.shared.Drop(ctx, c.name, c.revision))
	}
	_, _, err = c.shared.Put(ctx, c.name, c.value(c.seal(plain)), c.revision)
	return err
}

func (c *claim) value(sealed []byte) []byte {
	data, _ := json.Marshal(claimed{c.match, sealed}) // bytes alone
	return data
}

func (c *claim) cipher() cipher.AEAD {
	block, err := aes.NewCipher(c.secret[:])
	if err != nil {
		panic(err) // the secret has the right size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // the block is AES
	}
	return aead
}

func (c *claim) seal(plain []byte) []byte {
	return c.cipher().Seal(nil, nil, plain, []byte(c.name)) //nolint:gosec // it draws the nonce itself
}

func (c *claim) open(sealed []byte) ([]byte, error) {
	return c.cipher().Open(nil, nil, sealed, []byte(c.name))
}
