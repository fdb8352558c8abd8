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
