package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/natstest"
	"sluice/internal/process"
	emu "sluice/llm/emulator"
)

// emulator is the emulated provider as a process of its own. It is never killed: its books are what the
// ledger is compared with.
type emulator struct {
	child *process.Child
	url   string
}

func startEmulator(t *testing.T, dir string, flags []string) *emulator {
	t.Helper()
	port := natstest.FreePort(t)
	args := append([]string{"emulator", "--port", strconv.Itoa(port)}, flags...)
	e := &emulator{url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	e.child = process.Start(t, process.Spec{Name: "emulator", Path: binaries.Sluice(t), Args: args, Dir: dir})
	if err := e.child.WaitFor(t.Context(), e.url); err != nil {
		t.Fatal(err)
	}
	return e
}

// slow has every request from now on take so long.
func (e *emulator) slow(t *testing.T, d time.Duration) {
	t.Helper()
	share := 1
	if d == 0 {
		share = 0
	}
	body := fmt.Sprintf(`{"slow_headers":%d,"slow_for_ms":%d}`, share, d.Milliseconds())
	e.call(t, http.MethodPost, "/emulator/faults", body)
}

// call asks the emulator about itself.
func (e *emulator) call(t *testing.T, method, path, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %v", method, path, res.Status, err)
	}
	return data
}

// all are the emulator's books.
func (e *emulator) all(t *testing.T) emu.Books {
	t.Helper()
	var b emu.Books
	if err := json.Unmarshal(e.call(t, http.MethodGet, "/emulator/books", ""), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// books are the emulator's accounts of one kind of request, of all models.
func (e *emulator) books(t *testing.T, kind emu.Kind) emu.Entry {
	t.Helper()
	var sum emu.Entry
	for _, kinds := range e.all(t).Models {
		sum.Requests += kinds[kind].Requests
		sum.Successes += kinds[kind].Successes
	}
	return sum
}
