package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Faults are the shares, between 0 and 1, of requests that go wrong, each drawn by seed and the
// request's number. The zero value is a perfect server.
type Faults struct {
	// RateLimited is 429 with RetryInfo (RetryDelayMS), RateLimitedBare 429 without.
	RateLimited     float64 `json:"rate_limited"`
	RateLimitedBare float64 `json:"rate_limited_bare"`
	BadRequest      float64 `json:"bad_request"`  // 400 invalid argument
	Unauthorized    float64 `json:"unauthorized"` // 401
	ServerError     float64 `json:"server_error"` // 500
	Unavailable     float64 `json:"unavailable"`  // 503
	// Hang says nothing for HangForMS, then closes the connection.
	Hang float64 `json:"hang"`
	// Reset resets the connection before the headers.
	Reset float64 `json:"reset"`
	// Cut closes the connection in the middle of the body or the stream.
	Cut float64 `json:"cut"`
	// Slow takes SlowForMS longer than usual, a stream between its chunks.
	Slow float64 `json:"slow"`
	// Garbage is a 200 whose body is no JSON.
	Garbage float64 `json:"garbage"`
	// Empty is a 200 without candidates.
	Empty float64 `json:"empty"`
	// Malformed is a reply that does not follow its schema; requests without a schema are spared.
	Malformed float64 `json:"malformed"`
	// ResetAfterHeaders resets the connection once the headers are out.
	ResetAfterHeaders float64 `json:"reset_after_headers"`
	// SlowHeaders takes SlowForMS before the headers, SlowBody between them and the end of the body.
	SlowHeaders float64 `json:"slow_headers"`
	SlowBody    float64 `json:"slow_body"`
	// Stall says nothing for HangForMS in the middle of the body or the stream, then closes the connection.
	Stall float64 `json:"stall"`
	// Blocked is a 200 without an answer, for reasons of safety.
	Blocked float64 `json:"blocked"`

	RetryDelayMS int64 `json:"retry_delay_ms"` // 0: 100
	HangForMS    int64 `json:"hang_for_ms"`    // 0: 300000
	SlowForMS    int64 `json:"slow_for_ms"`    // 0: 2000
}

// MixedFaults shares a rate out evenly over 429 with RetryInfo, 500, 503, hanging and cut replies.
func MixedFaults(share float64) Faults {
	each := share / 5
	return Faults{RateLimited: each, ServerError: each, Unavailable: each, Hang: each, Cut: each}
}

// ParseFaults reads a share of mixed faults ("0.2", see [MixedFaults]), or shares of faults by their names
// ("unauthorized=0.05,slow=0.1").
func ParseFaults(text string) (f Faults, err error) {
	if share, err := strconv.ParseFloat(text, 64); err == nil {
		f = MixedFaults(share)
		return f, f.check()
	}
	shares := map[string]float64{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		if shares[name], err = strconv.ParseFloat(value, 64); err != nil {
			return f, fmt.Errorf("faults: %q is neither a share such as 0.2 nor a fault's, such as slow=0.1", part)
		}
		if names := f.names(); !slices.Contains(names, name) {
			return f, fmt.Errorf("faults: no fault %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	data, err := json.Marshal(shares)
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	return f, errors.Join(err, f.check())
}

func (f Faults) names() (all []string) {
	for _, r := range f.rates() {
		all = append(all, string(r.name))
	}
	return all
}

// Fault is what goes wrong with one request; empty is nothing.
type Fault string

// The faults: see [Faults].
const (
	RateLimited       Fault = "rate_limited"
	RateLimitedBare   Fault = "rate_limited_bare"
	BadRequest        Fault = "bad_request"
	Unauthorized      Fault = "unauthorized"
	ServerError       Fault = "server_error"
	Unavailable       Fault = "unavailable"
	Hang              Fault = "hang"
	Reset             Fault = "reset"
	Cut               Fault = "cut"
	Slow              Fault = "slow"
	Garbage           Fault = "garbage"
	Empty             Fault = "empty"
	Malformed         Fault = "malformed"
	ResetAfterHeaders Fault = "reset_after_headers"
	SlowHeaders       Fault = "slow_headers"
	SlowBody          Fault = "slow_body"
	Stall             Fault = "stall"
	Blocked           Fault = "blocked"
)

// rate is a fault and its share.
type rate struct {
	name  Fault
	share float64
}

// rates lists the shares in the order in which they are drawn.
func (f Faults) rates() [18]rate {
	return [18]rate{
		{RateLimited, f.RateLimited},
		{RateLimitedBare, f.RateLimitedBare},
		{BadRequest, f.BadRequest},
		{Unauthorized, f.Unauthorized},
		{ServerError, f.ServerError},
		{Unavailable, f.Unavailable},
		{Hang, f.Hang},
		{Reset, f.Reset},
		{Cut, f.Cut},
		{Slow, f.Slow},
		{Garbage, f.Garbage},
		{Empty, f.Empty},
		{Malformed, f.Malformed},
		{ResetAfterHeaders, f.ResetAfterHeaders},
		{SlowHeaders, f.SlowHeaders},
		{SlowBody, f.SlowBody},
		{Stall, f.Stall},
		{Blocked, f.Blocked},
	}
}

func (f Faults) check() error {
	sum := 0.0
	for _, r := range f.rates() {
		if !(r.share >= 0 && r.share <= 1) { // nor NaN
			return fmt.Errorf("faults: %s is %g, want 0 to 1", r.name, r.share)
		}
		sum += r.share
	}
	if sum > 1.000001 {
		return fmt.Errorf("faults: the shares add up to %g, want at most 1", sum)
	}
	if f.RetryDelayMS < 0 || f.HangForMS < 0 || f.SlowForMS < 0 {
		return fmt.Errorf("faults: a time is negative")
	}
	return nil
}

// of draws the fault of the n-th request; empty means none.
func (f Faults) of(seed, n uint64) Fault {
	u := drawN(seed, n, 1)
	for _, r := range f.rates() {
		if u < r.share {
			return r.name
		}
		u -= r.share
	}
	return ""
}

func (f Faults) retryDelay() time.Duration { return millis(f.RetryDelayMS, 100) }
func (f Faults) hangFor() time.Duration    { return millis(f.HangForMS, 300_000) }
func (f Faults) slowFor() time.Duration    { return millis(f.SlowForMS, 2000) }

func millis(ms, otherwise int64) time.Duration {
	if ms == 0 {
		ms = otherwise
	}
	return time.Duration(ms) * time.Millisecond
}

// problem is the error reply of a fault that has one.
func (f Faults) problem(name Fault) *problem {
	switch name {
	case RateLimited:
		return &problem{status: 429, message: "Quota exceeded for emulated requests.", retry: f.retryDelay()}
	case RateLimitedBare:
		return &problem{status: 429, message: "Resource has been exhausted (e.g. check quota)."}
	case BadRequest:
		return &problem{status: 400, message: "Request contains an invalid argument."}
	case Unauthorized:
		return &problem{status: 401, message: "Request had invalid authentication credentials."}
	case ServerError:
		return &problem{status: 500, message: "An internal error has occurred."}
	case Unavailable:
		return &problem{status: 503, message: "The model is overloaded. Please try again later."}
	}
	return nil
}

// Faults are the shares in force.
func (s *Server) Faults() Faults { return *s.faults.Load() }

// SetFaults changes them for every request from now on.
func (s *Server) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	s.faults.Store(&f)
	return nil
}

// changeFaults is POST /emulator/faults: the keys given are changed, the others stay.
func (s *Server) changeFaults(w http.ResponseWriter, r *http.Request) {
	f := s.Faults()
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	err := dec.Decode(&f)
	if err == nil {
		err = s.SetFaults(f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusOK, f)
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Faults())
}
