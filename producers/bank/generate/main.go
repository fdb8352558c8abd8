// Command generate writes the question bank: facts of our own writing and computed questions enter,
// questions.jsonl leaves. The same sources give the same bytes; nothing is drawn at random and nothing
// is read.
//
// Run it by go generate in the folder above.
package main

import (
	"errors"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: generate FILE")
	}
	data, err := render(all())
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], data, 0o600) //nolint:gosec // the developer names the file
}
