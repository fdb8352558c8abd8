package sluice

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
)

// Tier is the role of a model in the pair that the router chooses from.
type Tier string

// The two tiers.
const (
	Medium Tier = "medium"
	Large  Tier = "large"
)

// Arm is the blind name of a tier for one query. Who an arm is can be told by [ArmKey] alone, which
// only the answer and label stages hold (Invariant 3).
type Arm string

// The two arms.
const (
	ArmA Arm = "a"
	ArmB Arm = "b"
)

// Arms lists both arms in the order in which they are published.
func Arms() []Arm { return []Arm{ArmA, ArmB} }

// Other is the arm that a is not.
func (a Arm) Other() Arm {
	if a == ArmA {
		return ArmB
	}
	return ArmA
}

// ArmKey is the secret that assigns tiers to arms. The zero value is not usable: see [NewArmKey].
type ArmKey struct {
	// macs holds HMACs of the secret: one costs more to make than to use.
	macs        *sync.Pool
	fingerprint string
}

// NewArmKey makes a key of a secret of at least 16 bytes.
func NewArmKey(secret []byte) (ArmKey, error) {
	if len(secret) < 16 {
		return ArmKey{}, fmt.Errorf("arm key: %d bytes, want at least 16", len(secret))
	}
	secret = slices.Clone(secret)
	k := ArmKey{macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
	sum := k.mac("fingerprint of the arm key")
	k.fingerprint = keyEncoding.EncodeToString(sum[:])[:4]
	return k, nil
}

func (k ArmKey) mac(text string) (sum [sha256.Size]byte) {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write([]byte(text))
	mac.Sum(sum[:0])
	k.macs.Put(mac)
	return sum
}

// Arm tells which arm the tier is for the query.
func (k ArmKey) Arm(queryKey string, tier Tier) Arm {
	mediumIsA := k.mac(queryKey)[0]&1 == 0
	if mediumIsA == (tier == Medium) {
		return ArmA
	}
	return ArmB
}

// Tier tells which tier the arm is for the query.
func (k ArmKey) Tier(queryKey string, arm Arm) Tier {
	if k.Arm(queryKey, Medium) == arm {
		return Medium
	}
	return Large
}

// Fingerprint tells one key from another and says nothing else of it: 4 characters of [a-z2-7].
func (k ArmKey) Fingerprint() string { return k.fingerprint }

// Pair is [PairID] with the key's fingerprint: "pabcdefgh-k2x7". Whoever reads the arms of such a pair
// with another key finds out by [ArmKey.Owns], instead of taking one tier for the other.
func (k ArmKey) Pair(medium, large, promptVersion string) string {
	return PairID(medium, large, promptVersion) + "-" + k.Fingerprint()
}

// Owns says whether the arms of the pair were named by this key. A pair without a fingerprint, as
// [PairID] alone makes it, names no key and is owned by every one.
func (k ArmKey) Owns(pair string) bool {
	_, fingerprint, found := strings.Cut(pair, "-")
	return !found || fingerprint == k.Fingerprint()
}

// Answer is what was said, and nothing of who said it: no model, tier, usage, latency or price. It
// is what the judge reads (Invariant 3).
type Answer struct {
	Query       Query    `json:"query"`
	GroundTruth []string `json:"ground_truth,omitempty"`
	// Pair identifies the two models and the answering prompt; see [PairID]. It is the same for both
	// arms.
	Pair string `json:"pair"`
	Arm  Arm    `json:"arm"`
	Text string `json:"text"`
	// CallID names the [Call] that bought the answer. It is opaque to whoever can't read the ledger.
	CallID string `json:"call_id"`
}

// PairID identifies a pair of models asked in one way. Answers of different pairs never meet.
func PairID(medium, large, promptVersion string) string {
	return "p" + HashID("pair", medium, large, promptVersion)[:8]
}
