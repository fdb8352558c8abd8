package learn

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers "go"
)

// Backend computes graphs. It is safe for concurrent use; [Backend.Close] when done.
type Backend struct {
	name   string
	device compute.Backend
	lanes  int // micro-batches that run side by side
}

// maxLanes bounds the memory that micro-batches take side by side. Most of a step on the Go backend is work
// on one core, so that halves of a batch on two cores take little more than half the time.
const maxLanes = 8

// sequential makes the Go backend run one operation after another. Its default, operations side by side on
// one pool of workers that also cuts up their inside, can wait for itself for ever.
const sequential = "ops_sequential,creation_order"

// OpenBackend opens a backend by the name in the configuration: "go" (also the empty name), or "xla", with
// what XLA calls its plugin after a colon, such as "xla:cuda". A backend that this binary was not built with
// is an error that says how to build it; nothing falls back to another backend in silence.
func OpenBackend(name string) (*Backend, error) {
	kind, options, _ := strings.Cut(name, ":")
	if kind == "" {
		kind = "go"
	}
	known := compute.List()
	if !slices.Contains(known, kind) {
		hint := "known names are go and xla"
		if kind == "xla" {
			hint = "this binary was built without it: build with -tags xla and CGO_ENABLED=1"
		}
		return nil, fmt.Errorf("backend %q: %s", name, hint)
	}
	if kind == "go" && options == "" {
		options = sequential
	}
	var device compute.Backend
	err := recovered("open backend "+kind, func() (err error) {
		device, err = compute.NewWithConfig(kind + ":" + options)
		return err
	})
	if err != nil {
		return nil, err
	}
	b := &Backend{name: kind, device: device, lanes: 1}
	if kind == "go" {
		b.lanes = min(runtime.GOMAXPROCS(0), maxLanes)
		err = recovered("open backend go", func() error { return withoutPool(device) })
	}
	return b, err
}

// withoutPool switches the Go backend's pool of workers off, so that an execution stays on the goroutine that
// asked for it: executions side by side then neither wait for nor slow one another. The backend's own option
// for this prints to the standard output, which belongs to the program; hence the reflection.
func withoutPool(device compute.Backend) error {
	pool := reflect.ValueOf(device).Elem().FieldByName("Workers")
	if !pool.IsValid() {
		return errors.New("this version of the Go backend has no pool of workers: pin the version in go.mod")
	}
	pool.MethodByName("SetMaxParallelism").Call([]reflect.Value{reflect.ValueOf(0)})
	return nil
}

// Close frees the device. No model on it may be used afterwards.
func (b *Backend) Close() { b.device.Finalize() }

// recovered turns a panic of graph code into an error. Stack traces stay in the error's %+v form.
func recovered(what string, run func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("%s: %w", what, p)
		default:
			err = fmt.Errorf("%s: %v", what, p)
		}
	}()
	if err := run(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

var errBroken = errors.New("an earlier step failed and took the weights with it: build the model again from its last checkpoint")
