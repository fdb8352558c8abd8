package producers

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice"
)

func TestRealFiles(t *testing.T) {
	const routeLLM = "query=prompt,id=id,tags=domain"
	for _, c := range []struct {
		file    string
		detects Format
		mapping string
		want    Survey
	}{
		{"simple_qa_test_set.csv", SimpleQA, "", Survey{Rows: 4326}},
		{"NQ-open.dev.jsonl", NQOpen, "", Survey{Rows: 3610}},
		{"evouna_nq.dev.jsonl.gz", Recorded, "", Survey{Rows: 3020, Repeated: 1}},
		{"simpleqa_cs_runs.dev.jsonl.gz", Recorded, "", Survey{Rows: 3326}},
		{"simpleqa_en_gpt41.dev.jsonl.gz", Recorded, "", Survey{Rows: 770}},
		{"routellm_mmlu.jsonl.gz", "", routeLLM, Survey{Rows: 14042, WithoutTruth: 14042}},
		{"routellm_gsm8k.jsonl.gz", "", "query=prompt,id=id", Survey{Rows: 1319, WithoutTruth: 1319}},
		{"mt_bench.question.jsonl", "", "query=turns.0,id=question_id,tags=category", Survey{Rows: 80, WithoutTruth: 80}},
	} {
		t.Run(c.file, func(t *testing.T) {
			d := Dataset{Path: shared(t, c.file), Format: Custom, Mapping: mapping(t, c.mapping)}
			format, err := Detect(d.Path)
			switch {
			case c.detects == "" && (err == nil || !strings.Contains(err.Error(), "--map query=FIELD")):
				t.Errorf("detected as %q, %v; want advice to map its fields", format, err)
			case c.detects != "":
				if format != c.detects || err != nil {
					t.Fatalf("detected as %q, %v; want %q", format, err, c.detects)
				}
				d.Format = format
			}
			got, err := Count(Select(Selection{}, d.Rows()))
			if got != c.want || err != nil {
				t.Errorf("counted %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestRealSimpleQATags(t *testing.T) {
	rows, _ := must(t, Dataset{Path: shared(t, "simple_qa_test_set.csv"), Format: SimpleQA}.Rows())
	counts := map[string]int{}
	for _, row := range rows {
		for _, tag := range row.Tags {
			counts[tag]++
		}
	}
	want := map[string]int{
		"topic:Science and technology": 858, "topic:Politics": 709, "topic:Art": 550, "topic:Other": 475,
		"topic:Geography": 424, "topic:Sports": 368, "topic:Music": 341, "topic:TV shows": 293, "topic:History": 173,
		"topic:Video games": 135, "answer_type:Date": 1418, "answer_type:Person": 1041, "answer_type:Other": 777,
		"answer_type:Number": 663, "answer_type:Place": 427,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("tags %v, want %v", counts, want)
	}
	last := rows[len(rows)-1]
	if last.GroundTruth[0] != "A piano" || !strings.HasPrefix(last.Text, "What instrument did Kunihiko Kodaira's") {
		t.Errorf("the last row is %+v", last)
	}
}

// TestRealSplit holds the split of SimpleQA against its promise: about 80/20, a function of the question
// alone, moved by neither order, spelling nor rows added (Invariant 4).
func TestRealSplit(t *testing.T) {
	const seed, share = 42, 0.8
	rows, _ := must(t, Dataset{Path: shared(t, "simple_qa_test_set.csv"), Format: SimpleQA}.Rows())
	splits := map[string]sluice.Split{}
	train := 0
	for _, row := range rows {
		splits[row.Text] = sluice.SplitOf(row.Text, seed, share)
		if splits[row.Text] == sluice.Train {
			train++
		}
	}
	n := float64(len(rows))
	if deviation := math.Abs(float64(train) - share*n); deviation > 3*math.Sqrt(n*share*(1-share)) {
		t.Errorf("%d of %d rows are train: more than three standard deviations from %.0f%%", train, len(rows), 100*share)
	}
	t.Logf("%d of %d rows are train (%.2f%%)", train, len(rows), 100*float64(train)/n)

	more, _ := must(t, Dataset{Path: shared(t, "NQ-open.dev.jsonl"), Format: NQOpen}.Rows())
	all := append(slices.Clone(rows), more...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	moved := 0
	for _, row := range all {
		if was, ok := splits[row.Text]; ok && sluice.SplitOf(row.Text, seed, share) != was {
			moved++
		}
		if sluice.SplitOf("  "+strings.ToLower(row.Text)+"\n", seed, share) != sluice.SplitOf(row.Text, seed, share) {
			t.Errorf("another spelling moved %q", row.Text)
		}
	}
	if moved > 0 {
		t.Errorf("%d rows moved when the file was shuffled and rows were added", moved)
	}
}
