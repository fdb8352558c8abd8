package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGeneratingAgainGivesTheCommittedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "questions.jsonl")
	if err := run([]string{path}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "questions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("questions.jsonl is not what its generator writes: run go generate in producers/bank")
	}
	if err := run(nil); err == nil || !strings.Contains(err.Error(), "usage") {
		t.Errorf("without a file: %v", err)
	}
}

func TestFaultyEntriesAreNamedAllAtOnce(t *testing.T) {
	_, err := render([]entry{
		ask("a", .1, "Why is it so?", "because"), ask("a", .1, "Why is it so!", "because"), ask("b", .1, "why  is it so?", "because"),
		ask("c", 0, "Zero?", "x"), ask("c", 1.1, "More than one?", "x"), ask("c", .5, "No answer?", ""),
		{ID: "d", Query: "D?", Difficulty: .5},
	})
	for _, want := range []string{
		"id a-why-so is used twice", "b-why-so: the question is there already", "c-zero: difficulty 0", "c-more-than-one: difficulty 1.1",
		`c-no-answer: answers [""]`, "d: answers []",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fault %q is not in:\n%v", want, err)
		}
	}
}
