package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"time"
)

//go:embed assets
var assets embed.FS

// Options describe a page. Now and Log are required.
type Options struct {
	// Locked shows nothing at all without a login.
	Locked bool
	// Now is the clock, Log hears of sources that fail and of what was done.
	Now func() time.Time
	Log *slog.Logger
}

// Handler serves the page at / and everything that it asks for below /page/.
type Handler struct {
	sources  Sources
	o        Options
	sessions *sessions
	mux      *http.ServeMux
	forget   []func() // makes sources be asked anew
}

// New makes the page.
func New(s Sources, o Options) *Handler {
	h := &Handler{sources: s, o: o, sessions: newSessions(o.Now, s.Holds), mux: http.NewServeMux()}
	static, err := fs.Sub(assets, "assets")
	if err != nil {
		panic("page: " + err.Error()) // the directory is embedded above
	}
	files := http.StripPrefix("/page/", http.FileServerFS(static))
	h.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, "page.html") })
	h.mux.Handle("GET /page/style.css", files)
	h.mux.Handle("GET /page/script.js", files)
	h.mux.Handle("GET /page/draw.js", files)
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
	h.mux.HandleFunc("GET /page/session", h.session)
	h.mux.HandleFunc("GET /page/online", h.seen(h.online()))
	h.mux.HandleFunc("GET /page/budgets", h.seen(read(h, share(h, h.sources.Budgets), hideWhose)))
	h.mux.HandleFunc("GET /page/quality", h.seen(read(h, share(h, h.sources.Quality), nil)))
	h.mux.HandleFunc("GET /page/pipeline", h.seen(read(h, share(h, h.sources.Pipeline), nil)))
	h.mux.HandleFunc("GET /page/matrix", h.seen(read(h, share(h, h.sources.Matrix), nil)))
	h.mux.HandleFunc("GET /page/routers", h.seen(read(h, share(h, h.sources.Routers), nil)))
	h.mux.HandleFunc("GET /page/tables", h.seen(read(h, share(h, h.sources.Tables), nil)))
	h.mux.HandleFunc("GET /page/dead", h.admin(read(h, share(h, h.sources.Dead), nil)))
}

// session says what whoever asks may do.
func (h *Handler) session(w http.ResponseWriter, r *http.Request) {
	admin := h.sessions.valid(r)
	answer(w, map[string]bool{
		"admin": admin, "login": h.sources.Admin != nil, "locked": h.o.Locked && !admin, "try": admin || h.guest(r),
	})
}

func (h *Handler) guest(r *http.Request) bool { return h.sources.Guest != nil && h.sources.Guest(r) }

// share has a source asked once for all who look; nil stays nil.
func share[T any](h *Handler, source func(context.Context) (T, error)) *shared[T] {
	if source == nil {
		return nil
	}
	s := &shared[T]{load: source, now: h.o.Now}
	h.forget = append(h.forget, s.forget)
	return s
}

// read serves one source. hide, where given, makes what a visitor without a login may see; it leaves its
// argument, which others look at too, as it is.
func read[T any](h *Handler, source *shared[T], hide func(T) T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if source == nil {
			refuse(w, http.StatusNotFound, "this process does not have it")
			return
		}
		v, err := source.get(r.Context())
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if hide != nil && !h.sessions.valid(r) {
			v = hide(v)
		}
		answer(w, v)
	}
}

// windows are those that the page may ask for.
var windows = map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour, "24h": 24 * time.Hour}

// online serves a window, each of them a source of its own.
func (h *Handler) online() http.HandlerFunc {
	serve := map[string]http.HandlerFunc{}
	for name, span := range windows {
		var source *shared[Online]
		if h.sources.Online != nil {
			source = share(h, func(ctx context.Context) (Online, error) { return h.sources.Online(ctx, span) })
		}
		serve[name] = read(h, source, hideTexts)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		next, ok := serve[r.URL.Query().Get("window")]
		if !ok {
			refuse(w, http.StatusBadRequest, "window: want 1m, 5m, 1h or 24h")
			return
		}
		next(w, r)
	}
}

// hideTexts leaves out what people asked.
func hideTexts(o Online) Online {
	recent := make([]Recent, len(o.Recent))
	for i, d := range o.Recent {
		d.Text = ""
		recent[i] = d
	}
	o.Recent = recent
	return o
}

// hideWhose leaves out the budgets of somebody.
func hideWhose(all []Budget) []Budget {
	shown := make([]Budget, 0, len(all))
	for _, b := range all {
		if b.Whose == "" {
			shown = append(shown, b)
		}
	}
	return shown
}

// seen lets in who may look.
func (h *Handler) seen(next http.HandlerFunc) http.HandlerFunc {
	if h.o.Locked {
		return h.admin(next)
	}
	return next
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

// fail says that a source failed; the caller's own departure is nobody's failure. What is not meant for
// people may name hosts and users: who is not logged in is not told.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	var f *Fault
	if errors.As(err, &f) {
		refuse(w, f.Status, f.Message)
		return
	}
	h.o.Log.Warn("the page's source failed", "path", r.URL.Path, "error", err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, "no answer within "+patience.String()+"; asking again")
	case h.sessions.valid(r):
		refuse(w, http.StatusBadGateway, err.Error())
	default:
		refuse(w, http.StatusBadGateway, "it can't be read just now; the gateway's log says why, and so does this page to an admin")
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}
