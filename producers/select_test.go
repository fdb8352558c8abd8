package producers

import (
	"reflect"
	"strings"
	"testing"
)

func TestSelectTakesTheFirstRowsOfTheFile(t *testing.T) {
	rows, out := must(t, Select(Selection{Limit: 8, Tenant: "acme"}, questions(20)))
	if len(rows) != 7 || len(out) != 1 || rows[6].Line != 8 || rows[0].Tenant != "acme" {
		t.Errorf("%d rows, %d left out, %+v", len(rows), len(out), rows)
	}
}

func TestSelectLetsNoRowVanish(t *testing.T) {
	const file = `{"query": "Who?", "id": 1}
{"query": " who? ", "id": "1", "ground_truth": "Ann"}
{"query": "When?", "id": 1}
{"query": "When?", "id": 1, "tenant": "other"}
{"query": "Who?"}
{"query": "Who?", "id": 2}
{"query": "WHO?"}
`
	rows, out := must(t, Select(Selection{}, Read(strings.NewReader(file), "f", Custom, Mapping{})))
	var kept []int
	for _, row := range rows {
		kept = append(kept, row.Line)
	}
	if !reflect.DeepEqual(kept, []int{1, 4, 5, 6}) {
		t.Errorf("kept lines %v", kept)
	}
	want := "f:2: the same query as line 1\nf:3: id \"1\" is that of another question, in line 1\nf:7: the same query as line 5\n"
	if faults(out) != want || out[0].Kind != Repeated || out[1].Kind != Invalid || out[2].Kind != Repeated {
		t.Errorf("left out\n%swant\n%s", faults(out), want)
	}
}

func TestReplayableNeedsTwoAnswersThatCanBeTold(t *testing.T) {
	const file = `{"question":"a","gold":"g","runs":{"m":{"answer":"x","grade":"CORRECT"},"l":{"answer":"y","grade":"INCORRECT"}}}
{"question":"b","gold":"g","runs":{"m":{"answer":"x","grade":"CORRECT"},"l":{"answer":"x","grade":"INCORRECT"}}}
{"question":"c","gold":"g","runs":{"m":{"answer":"x","grade":"CORRECT"},"l":{"answer":"x","grade":"CORRECT"}}}
{"question":"d","gold":"g","runs":{"l":{"answer":"x","grade":"CORRECT"}}}
{"question":"e","gold":"g","runs":{"m":{"answer":"x","grade":"CORRECT"}}}
`
	rows, out := must(t, Replayable("m", "l", Read(strings.NewReader(file), "f", Recorded, Mapping{})))
	want := "f:2: both models gave the same answer, graded CORRECT and INCORRECT\nf:4: no recorded answer of m\nf:5: no recorded answer of l\n"
	if len(rows) != 2 || faults(out) != want {
		t.Errorf("%d rows, left out\n%swant\n%s", len(rows), faults(out), want)
	}
	counted, err := Count(Replayable("m", "l", Read(strings.NewReader(file), "f", Recorded, Mapping{})))
	if err != nil || counted != (Survey{Rows: 5, Indistinct: 3}) {
		t.Errorf("counted %+v, %v", counted, err)
	}
}
