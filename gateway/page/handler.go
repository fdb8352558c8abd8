package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// bodyLimit bounds what a button sends.
const bodyLimit = 64 << 10

// fromThePage is a header that forms of other sites can't set; whatever changes something wants it.
const fromThePage = "X-Sluice-Page"

// Handler serves the page at / and everything that it asks for below /page/.
type Handler struct {
	sources  Sources
	sessions *sessions
	log      *slog.Logger
	mux      *http.ServeMux
}

// New makes the page. now is the clock; log hears of sources that fail.
func New(s Sources, now func() time.Time, log *slog.Logger) *Handler {
	h := &Handler{sources: s, sessions: newSessions(now), log: log, mux: http.NewServeMux()}
	static, err := fs.Sub(assets, "assets")
	if err != nil {
		panic("page: " + err.Error()) // the directory is embedded above
	}
	files := http.StripPrefix("/page/", http.FileServerFS(static))
	h.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, "page.html") })
	h.mux.Handle("GET /page/style.css", files)
	h.mux.Handle("GET /page/script.js", files)
	h.reads()
	h.actions()
	return h
}

// ServeHTTP serves. Nothing but the page's own assets may be loaded or run by it, and no other site may
// put it into a frame.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "+
		"frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	h.mux.ServeHTTP(w, r)
}

// reads are what the page shows.
func (h *Handler) reads() {
	h.mux.HandleFunc("GET /page/session", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]bool{"admin": h.sessions.valid(r), "login": h.sources.Admin != nil})
	})
	h.mux.HandleFunc("GET /page/online", h.online)
	h.mux.HandleFunc("GET /page/pipeline", read(h, h.sources.Pipeline))
	h.mux.HandleFunc("GET /page/matrix", read(h, h.sources.Matrix))
	h.mux.HandleFunc("GET /page/routers", read(h, h.sources.Routers))
	h.mux.HandleFunc("GET /page/dead", h.admin(read(h, h.sources.Dead)))
}

// read serves one source.
func read[T any](h *Handler, source func(context.Context) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if source == nil {
			refuse(w, http.StatusNotFound, "this process does not have it")
			return
		}
		v, err := source(r.Context())
		if err != nil {
			h.fail(w, r, err)
			return
		}
		answer(w, v)
	}
}

// windows are those that the page may ask for.
var windows = map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour, "24h": 24 * time.Hour}

func (h *Handler) online(w http.ResponseWriter, r *http.Request) {
	window, ok := windows[r.URL.Query().Get("window")]
	if !ok {
		refuse(w, http.StatusBadRequest, "window: want 1m, 5m, 1h or 24h")
		return
	}
	texts := h.sessions.valid(r)
	source := h.sources.Online
	if source == nil {
		read[Online](h, nil)(w, r)
		return
	}
	read(h, func(ctx context.Context) (Online, error) {
		o, err := source(ctx, window)
		if !texts {
			recent := make([]Recent, len(o.Recent))
			for i, d := range o.Recent {
				d.Text = ""
				recent[i] = d
			}
			o.Recent = recent
		}
		return o, err
	})(w, r)
}

// actions are what the page's buttons do.
func (h *Handler) actions() {
	h.mux.HandleFunc("POST /page/login", h.own(h.login))
	h.mux.HandleFunc("POST /page/logout", h.own(func(w http.ResponseWriter, r *http.Request) {
		h.sessions.end(w, r, r.TLS != nil)
		answer(w, map[string]bool{"admin": false})
	}))
	h.mux.HandleFunc("POST /page/try", h.own(h.admin(h.try)))
	act := func(do func(ctx context.Context, b body) error, missing bool) http.HandlerFunc {
		return h.own(h.admin(h.act(do, missing)))
	}
	h.mux.HandleFunc("POST /page/promote", act(func(ctx context.Context, b body) error { return h.sources.Promote(ctx, b.Version) }, h.sources.Promote == nil))
	h.mux.HandleFunc("POST /page/rollback", act(func(ctx context.Context, _ body) error { return h.sources.Rollback(ctx) }, h.sources.Rollback == nil))
	h.mux.HandleFunc("POST /page/replay", act(func(ctx context.Context, b body) error { return h.sources.Replay(ctx, b.ID) }, h.sources.Replay == nil))
}

// own lets in what the page itself sent.
func (h *Handler) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(fromThePage) == "" {
			refuse(w, http.StatusForbidden, "the header "+fromThePage+" is missing: only the page itself may ask for this")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		next(w, r)
	}
}

// admin lets in who is logged in.
func (h *Handler) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.sessions.valid(r) {
			refuse(w, http.StatusUnauthorized, "log in with an admin key first")
			return
		}
		next(w, r)
	}
}

// body is what buttons send.
type body struct {
	Key     string `json:"key"`
	Version string `json:"version"`
	ID      string `json:"id"`
	Text    string `json:"text"`
}

func readBody(w http.ResponseWriter, r *http.Request) (b body, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		refuse(w, http.StatusBadRequest, "the body is no JSON object of at most 64 KiB")
		return b, false
	}
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
	valid, err := h.sources.Admin(r.Context(), strings.TrimSpace(b.Key))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !valid {
		refuse(w, http.StatusUnauthorized, "this is no valid key with the scope admin; sluice keys create --scope admin makes one")
		return
	}
	h.sessions.open(w, r.TLS != nil)
	answer(w, map[string]bool{"admin": true})
}

func (h *Handler) try(w http.ResponseWriter, r *http.Request) {
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
	d, err := h.sources.Try(r.Context(), b.Text)
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
		if err := do(r.Context(), b); err != nil {
			h.fail(w, r, err)
			return
		}
		h.log.Info("done from the page", "path", r.URL.Path, "version", b.Version, "id", b.ID)
		answer(w, map[string]bool{"done": true})
	}
}

// fail says that a source failed; the caller's own departure is nobody's failure.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	h.log.Warn("the page's source failed", "path", r.URL.Path, "error", err)
	refuse(w, http.StatusBadGateway, err.Error())
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}
