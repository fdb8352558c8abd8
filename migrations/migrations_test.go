package migrations_test

import (
	"fmt"
	"io/fs"
	"strconv"
	"testing"

	"sluice/migrations"
)

// firstToSay is the step from which on each says who may still write.
const firstToSay = 15

// saysRight checks what a step says behind one that said before.
func saysRight(step string, version, before int64) error {
	switch oldest := migrations.OldestWriter(step); {
	case oldest == 0:
		return fmt.Errorf("it does not say, just once, which releases may still write after it: see the package's comment")
	case oldest < before || oldest > version:
		return fmt.Errorf("releases since %d may write after it: want one of %d, which the step before said, to %d, its own number", oldest, before, version)
	}
	return nil
}

func TestEveryStepSaysWhichReleasesMayStillWrite(t *testing.T) {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(names) < firstToSay {
		t.Fatalf("%d steps, %v", len(names), err)
	}
	before := int64(firstToSay)
	for i, name := range names {
		version, err := strconv.ParseInt(name[:4], 10, 64)
		if err != nil || version != int64(i+1) {
			t.Fatalf("step %d is %s", i+1, name)
		}
		step, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if version < firstToSay {
			continue
		}
		if err := saysRight(string(step), version, before); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		before = migrations.OldestWriter(string(step))
	}
}

func TestAStepThatSaysNothingTrueOfOlderWritersIsAFault(t *testing.T) {
	const says = "CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT %d';\n"
	for step, right := range map[string]bool{
		"-- +goose Up\n" + fmt.Sprintf(says, 16):         true,
		"-- +goose Up\n" + fmt.Sprintf(says, 18):         true,
		"-- +goose Up\nCREATE TABLE more (n integer);\n": false,
		"-- +goose Up\n-- " + fmt.Sprintf(says, 16):      false,
		fmt.Sprintf(says, 16) + fmt.Sprintf(says, 17):    false,
		"-- +goose Up\n" + fmt.Sprintf(says, 15):         false, // taken away by 16
		"-- +goose Up\n" + fmt.Sprintf(says, 19):         false, // nobody could write
	} {
		if err := saysRight(step, 18, 16); (err == nil) != right {
			t.Errorf("%q: %v", step, err)
		}
	}
}
