package emulator_test

import (
	"net/http"
	"testing"

	"sluice/llm/emulator"
)

func TestCloseEndsWhatStartBegan(t *testing.T) {
	s, err := emulator.New(emulator.Config{Source: synthetic(t)})
	if err != nil {
		t.Fatal(err)
	}
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mustAsk(t, client(t, url, "any"), flash, question, nil)
	s.Close()
	s.Close()
	if resp, err := http.Get(url + "/emulator/books"); err == nil {
		_ = resp.Body.Close()
		t.Error("still served after Close")
	}
	if n := s.Books().Total.Requests; n != 1 {
		t.Errorf("%d requests in the books of a closed server", n)
	}

	idle, err := emulator.New(emulator.Config{Source: synthetic(t)})
	if err != nil {
		t.Fatal(err)
	}
	idle.Close()
	if _, err := idle.Start("no such address"); err == nil {
		t.Error("no error for a bad address")
	}
}
