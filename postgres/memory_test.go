package postgres

import "testing"

func TestTheServerTakesAQuarterOfTheMemoryWithinBounds(t *testing.T) {
	for memory, want := range map[uint64]string{
		0: "128MB", 256 << 20: "128MB", 2 << 30: "512MB", 3 << 30: "768MB", 64 << 30: "1024MB",
	} {
		if got := sharedBuffers(memory); got != want {
			t.Errorf("of %d MB it takes %s, want %s", memory>>20, got, want)
		}
	}
}
