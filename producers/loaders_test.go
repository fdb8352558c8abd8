package producers

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func read(t *testing.T, format Format, content string) ([]Row, []*RowError) {
	t.Helper()
	return must(t, Read(strings.NewReader(content), "f", format, Mapping{}))
}

func faults(out []*RowError) string {
	var b strings.Builder
	for _, fault := range out {
		b.WriteString(fault.Error() + "\n")
	}
	return b.String()
}

func TestSimpleQARows(t *testing.T) {
	rows, out := read(t, SimpleQA, "metadata,problem,answer\r\n"+
		`"{'topic': 'Art', 'answer_type': 'Person', 'urls': ['https://a,b']}",Who?,"Ann ""A"" Lee"`+"\r\n"+
		"\"{'topic': \"\"Rock 'n' roll\"\"}\",\"Two\nlines?\", Yes\t\r\n"+
		",Why?,Because\r\n")
	want := []Row{
		{Text: "Who?", GroundTruth: []string{`Ann "A" Lee`}, Tags: []string{"topic:Art", "answer_type:Person"}, File: "f", Line: 2},
		{Text: "Two\nlines?", GroundTruth: []string{"Yes"}, Tags: []string{"topic:Rock 'n' roll"}, File: "f", Line: 3},
		{Text: "Why?", GroundTruth: []string{"Because"}, File: "f", Line: 5},
	}
	if !reflect.DeepEqual(rows, want) || len(out) != 0 {
		t.Errorf("rows\n%+v, want\n%+v; left out %v", rows, want, out)
	}
}

func TestSimpleQAReportsEveryFaultWithItsLine(t *testing.T) {
	rows, out := read(t, SimpleQA, "problem,answer,metadata\n"+
		"Good?,yes,{}\n"+
		"No answer?,,{}\n"+
		"Too few\n"+
		"Bad dict?,yes,{'topic'\n"+
		"Bad type?,yes,{'topic': []}\n"+
		"Bytes \xff?,yes,{}\n"+
		"Quo\"te?,yes,{}\n"+
		"Still good?,yes,{}\n"+
		"\"Lost quote,yes,{}\nswallowed?,yes,{}\n")
	if len(rows) != 2 || rows[1].Text != "Still good?" || rows[1].Line != 9 {
		t.Errorf("kept %+v", rows)
	}
	for _, want := range []string{
		"f:3: no answer", "f:4: csv, column 1: wrong number of fields", "f:5: metadata: python dict: no ':'",
		"f:6: metadata: topic is not a string", "f:7: not valid UTF-8", "f:8: csv, column 4: bare \"",
		"f:10: csv, column", "(the record runs on to line 1",
	} {
		if !strings.Contains(faults(out), want) {
			t.Errorf("left out:\n%swant %q", faults(out), want)
		}
	}
	if len(out) != 7 {
		t.Errorf("left out %d rows, want 7", len(out))
	}
}

func TestSimpleQAWithoutItsColumnsIsNotRead(t *testing.T) {
	for _, content := range []string{"", "question,answer\nq,a\n", "\"unclosed"} {
		rows, out, end := gather(Read(strings.NewReader(content), "f", SimpleQA, Mapping{}))
		if end == nil || !strings.Contains(end.Error(), "f:1: ") || len(rows)+len(out) != 0 {
			t.Errorf("%q: %v, %v, %v", content, rows, out, end)
		}
	}
}

func TestNQOpenRows(t *testing.T) {
	rows, out := read(t, NQOpen,
		`{"question": " who ", "answer": ["A", " B ", ""]}`+"\r\n\r\n"+
			`{"question": "when", "answer": 1972}`+"\n"+
			`{"question": "why"}`+"\n"+
			`{"answer": ["x"]}`+"\n"+
			`{"question": 5, "answer": ["x"]}`+"\n"+
			`{"question": "x", "answer": [["x"]]}`+"\n"+
			`[1]`+"\n"+
			`{"question": "cut`+"\n"+
			"{\"question\": \"\xff\", \"answer\": [\"x\"]}\n"+
			`{"question": "last", "answer": ["x"]}`)
	want := []Row{
		{Text: "who", GroundTruth: []string{"A", "B"}, File: "f", Line: 1},
		{Text: "when", GroundTruth: []string{"1972"}, File: "f", Line: 3},
		{Text: "last", GroundTruth: []string{"x"}, File: "f", Line: 11},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %+v, want %+v", rows, want)
	}
	for _, want := range []string{
		`f:4: no field "answer"`, `f:5: no field "question"`, `f:6: field "question": a number, want string`,
		`f:7: want a string or a number`, `f:8: a JSON array, want an object`, `f:9: not JSON`, "f:10: not valid UTF-8",
	} {
		if !strings.Contains(faults(out), want) {
			t.Errorf("left out:\n%swant %q", faults(out), want)
		}
	}
	if len(out) != 7 {
		t.Errorf("left out:\n%s", faults(out))
	}
}

func TestRecordedRows(t *testing.T) {
	rows, out := read(t, Recorded,
		`{"id":7,"question":"Who?","gold":"Ann","topic":"Art","answer_type":"Person","runs":{"m":{"answer":"Ann","grade":"CORRECT"}}}`+"\n"+
			`{"id":"NQ:2","question":"When?","gold":["1972","Dec 1972"],"dataset":"nq_open","runs":{}}`+"\n"+
			`{"id":"NQ:3","question":" when? ","gold":["1973"]}`+"\n"+
			`{"id":4,"question":"Where?"}`+"\n"+
			`{"id":true,"question":"Where?","gold":"x"}`+"\n")
	want := []Row{
		{
			ID: "7", Text: "Who?", GroundTruth: []string{"Ann"}, Tags: []string{"topic:Art", "answer_type:Person"},
			File: "f", Line: 1,
		},
		{
			ID: "NQ:2", Text: "When?", GroundTruth: []string{"1972", "Dec 1972"}, Tags: []string{"dataset:nq_open"},
			File: "f", Line: 2,
		},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %+v, want %+v", rows, want)
	}
	if len(out) != 3 || out[0].Kind != Repeated || out[0].Line != 3 || out[1].Kind != Invalid || out[2].Kind != Invalid {
		t.Errorf("left out:\n%s", faults(out))
	}
}

func TestGzipAndByteOrderMarkAreTransparent(t *testing.T) {
	const content = "\xef\xbb\xbf{\"question\": \"who\", \"answer\": [\"A\"]}\r\n"
	for _, path := range []string{
		write(t, "plain.jsonl", content),
		write(t, "zipped.jsonl.gz", gzipped(t, content)),
		write(t, "zipped-without-saying.jsonl", gzipped(t, content)),
	} {
		rows, out := must(t, Dataset{Path: path, Format: NQOpen}.Rows())
		if len(rows) != 1 || rows[0].Text != "who" || len(out) != 0 {
			t.Errorf("%s: %+v, %v", path, rows, out)
		}
	}
	rows, _ := must(t, Dataset{Path: write(t, "bom.csv", "\xef\xbb\xbfproblem,answer\nq,a\n"), Format: SimpleQA}.Rows())
	if len(rows) != 1 {
		t.Errorf("csv with a byte order mark: %+v", rows)
	}
}

func TestAFileThatCannotBeReadOnSaysWhy(t *testing.T) {
	whole := gzipped(t, strings.Repeat(`{"question": "who", "answer": ["A"]}`+"\n", 10_000))
	for path, why := range map[string]string{
		write(t, "cut.gz", whole[:len(whole)/2]): "unexpected EOF",
		write(t, "wide.jsonl", "\xff\xfe{\x00"):  "UTF-16",
		write(t, "bad.gz", "\x1f\x8bnonsense"):   "gzip",
		"no-such-file.jsonl":                     "no such file",
	} {
		_, _, end := gather(Dataset{Path: path, Format: NQOpen}.Rows())
		if end == nil || !strings.Contains(end.Error(), why) {
			t.Errorf("%s ended with %v, want %q", path, end, why)
		}
	}
	_, _, end := gather(Read(iotest.ErrReader(io.ErrClosedPipe), "f", SimpleQA, Mapping{}))
	if end == nil || !strings.Contains(end.Error(), "closed pipe") {
		t.Errorf("a failing reader ended with %v", end)
	}
	_, _, end = gather(Read(strings.NewReader(""), "f", "parquet", Mapping{}))
	if end == nil || !strings.Contains(end.Error(), "simpleqa") {
		t.Errorf("an unknown format ended with %v", end)
	}
}

func TestALineWithoutEndIsLeftOutAndTheNextOneRead(t *testing.T) {
	long := io.MultiReader(
		strings.NewReader(`{"question": "`), strings.NewReader(strings.Repeat("x", maxLine)), strings.NewReader("\"}\n"),
		strings.NewReader(`{"question": "who", "answer": ["A"]}`),
	)
	rows, out := must(t, Read(long, "f", NQOpen, Mapping{}))
	if len(rows) != 1 || rows[0].Line != 2 || len(out) != 1 || out[0].Error() != "f:1: line longer than 16 MiB" {
		t.Errorf("%+v, %v", rows, out)
	}
}

func TestRangesMayStopEarly(t *testing.T) {
	const jsonl = `{"question": "a", "answer": ["A"]}` + "\nbroken\n" + `{"question": "b", "answer": ["A"]}` + "\n"
	for stopAt := 1; stopAt <= 3; stopAt++ {
		n := 0
		for row, err := range Select(Selection{}, Read(strings.NewReader(jsonl), "f", NQOpen, Mapping{})) {
			if n++; (err != nil) != (n == 2) {
				t.Errorf("number %d is %+v, %v", n, row, err)
			}
			if n == stopAt {
				break
			}
		}
		if n != stopAt {
			t.Errorf("stopped at %d after %d", stopAt, n)
		}
	}
}

// What the entrance refuses is not made good of on the way there: a word would change, or a truth be lost, unseen.
func TestAFileOfTheContractIsReadAsTheEntranceReadsIt(t *testing.T) {
	_, out := read(t, Custom, `{"query": "half \ud800?"}
{"query": "one?", "query": "two?"}
{"query": "Why?", "groundtruth": "because", "Tenent": "acme"}
`)
	want := `f:1: a key given twice, or half a surrogate pair
f:2: a key given twice, or half a surrogate pair
f:3: field "Tenent": did you mean tenant? A field of your own begins with x_, or has a mapping beside it (query=query)
field "groundtruth": did you mean ground_truth? A field of your own begins with x_, or has a mapping beside it (query=query)
`
	if faults(out) != want {
		t.Errorf("left out\n%swant\n%s", faults(out), want)
	}
	const own = `{"query": "Why?", "x_tag": 1, "answer": "because", "difficulty": 3, "source": "web"}` + "\n"
	if rows, out := read(t, Custom, own); len(rows) != 1 || len(out) != 0 {
		t.Errorf("fields of one's own: kept %v, left out %v", rows, out)
	}
	m, err := ParseMapping("query=query")
	if err != nil {
		t.Fatal(err)
	}
	if rows, out := must(t, Read(strings.NewReader(`{"query": "Why?", "tag": "a"}`), "f", Custom, m)); len(rows) != 1 || len(out) != 0 {
		t.Errorf("behind a mapping: kept %v, left out %v", rows, out)
	}
}
