package natstest

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// LogIn is [Log] with its files in a directory. stop ends connection and server, so that the files can be looked at.
func LogIn(tb testing.TB, dir string) (js jetstream.JetStream, stop func()) {
	tb.Helper()
	server := StartWith(tb, streams.ServerOptions{StoreDir: dir})
	js = server.JetStream()
	Apply(tb, js, Options())
	return js, func() {
		js.Conn().Close()
		server.Stop()
	}
}

// FilesWith is which files below a directory, of a server that has stopped, hold a text.
func FilesWith(tb testing.TB, dir, text string) []string {
	tb.Helper()
	var found []string
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		if err == nil && strings.Contains(string(data), text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}
