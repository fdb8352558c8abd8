package page

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// bodyLimit bounds what a button sends; whatever it does has doingTime.
const (
	bodyLimit = 64 << 10
	doingTime = time.Minute
)

// fromThePage is a header that forms of other sites can't set; whatever changes something wants it.
const fromThePage = "X-Sluice-Page"

// actions are what the page's buttons do.
func (h *Handler) actions() {
	s := h.sources
	h.mux.HandleFunc("POST /page/login", h.own(h.login))
	h.mux.HandleFunc("POST /page/logout", h.own(func(w http.ResponseWriter, r *http.Request) {
		h.sessions.end(w, r, r.TLS != nil)
		answer(w, map[string]bool{"admin": false})
	}))
	h.mux.HandleFunc("POST /page/try", h.own(h.try))
	act := func(do func(ctx context.Context, b body) error, missing bool) http.HandlerFunc {
		return h.own(h.admin(h.act(do, missing)))
	}
	h.mux.HandleFunc("POST /page/promote", act(func(ctx context.Context, b body) error { return s.Promote(ctx, b.promotion()) }, s.Promote == nil))
	h.mux.HandleFunc("POST /page/rollback", act(func(ctx context.Context, b body) error { return s.Rollback(ctx, b.promotion()) }, s.Rollback == nil))
	h.mux.HandleFunc("POST /page/replay", act(func(ctx context.Context, b body) error { return s.Replay(ctx, b.ID) }, s.Replay == nil))
}

// own lets in what the page itself sent.
func (h *Handler) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// A body that trickles must not hold us, nor net/http, which reads what nobody did before it lets a reply go.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Second))
		if r.Header.Get(fromThePage) == "" {
			refuse(w, http.StatusForbidden, "the header "+fromThePage+" is missing: only the page itself may ask for this")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		next(w, r)
	}
}

// body is what buttons send.
type body struct {
	Key     string `json:"key"`
	Version string `json:"version"`
	Over    string `json:"over"`
	Anyway  bool   `json:"anyway"`
	ID      string `json:"id"`
	Text    string `json:"text"`

	by string // the id of the session's key
}

func (b body) promotion() Promotion {
	return Promotion{Version: b.Version, Over: b.Over, Anyway: b.Anyway, By: b.by}
}

func readBody(w http.ResponseWriter, r *http.Request) (b body, ok bool) {
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(data, &b)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body is no JSON object of at most 64 KiB")
		return b, false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // all of it is here
	return b, true
}

func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	if h.sources.Admin == nil {
		refuse(w, http.StatusNotFound, "this process knows no keys")
		return
	}
	key, err := h.sources.Admin(r.Context(), strings.TrimSpace(b.Key))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if key == "" {
		h.o.Log.Warn("a login to the page was refused", "from", r.RemoteAddr)
		refuse(w, http.StatusUnauthorized, "this is no valid key with the scope admin; sluice keys create --scope admin makes one")
		return
	}
	h.sessions.open(w, key, r.TLS != nil)
	h.o.Log.Info("somebody logged in to the page", "key", key, "from", r.RemoteAddr)
	answer(w, map[string]bool{"admin": true})
}

func (h *Handler) try(w http.ResponseWriter, r *http.Request) {
	if !h.sessions.valid(r) && !h.guest(r) {
		refuse(w, http.StatusUnauthorized, "log in with an admin key first")
		return
	}
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	if strings.TrimSpace(b.Text) == "" {
		refuse(w, http.StatusBadRequest, "type a question first")
		return
	}
	if h.sources.Try == nil {
		refuse(w, http.StatusNotFound, "this process decides nothing")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), doingTime)
	defer cancel()
	d, err := h.sources.Try(ctx, b.Text)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer(w, d)
}

func (h *Handler) act(do func(context.Context, body) error, missing bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, ok := readBody(w, r)
		if !ok {
			return
		}
		if missing {
			refuse(w, http.StatusNotFound, "this process can't do that")
			return
		}
		b.by, _ = h.sessions.admin(r)
		// What was begun is not left half done because the page was closed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), doingTime)
		defer cancel()
		err := do(ctx, b)
		for _, forget := range h.forget {
			forget()
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.o.Log.Info("done from the page", "path", r.URL.Path, "key", b.by, "version", b.Version, "over", b.Over, "id", b.ID)
		answer(w, map[string]bool{"done": true})
	}
}
