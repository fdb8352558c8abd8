package postgres_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

var question = regexp.MustCompile("(?ms)^### (\\d+)\\. ([^\n]+)\n+(?:[^\n`#]+\n+)?```sql\n(.+?)\n```$")

// printed writes a table as lines of values, for comparison.
func printed(t postgres.Table) string {
	var b strings.Builder
	for _, row := range t.Rows {
		for i, v := range row {
			if i > 0 {
				b.WriteString(" | ")
			}
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format("15:04:05")
			}
			fmt.Fprint(&b, v)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// answersOfTheWorld are the results of docs/analysts.md on a world of 90 queries, a second judge, a stuck query,
// a poisoned message, and a hundred online requests. They follow from how the world is made.
var answersOfTheWorld = map[int]string{
	1: `
bank | test | 17 | 16
bank | train | 60 | 54
web | test | 3 | 2
web | train | 11 | 11
`,
	2: `
correct | correct | 10 | Standard_Query
correct | incorrect | 10 | Standard_Query
correct | idk | 10 | Standard_Query
incorrect | correct | 10 | Complex_Query
incorrect | incorrect | 10 | Ambiguous_Query
incorrect | idk | 10 | Complex_Query
idk | correct | 10 | Complex_Query
idk | incorrect | 10 | Ambiguous_Query
idk | idk | 10 | Ambiguous_Query
`,
	3: `
train | Ambiguous_Query | 23 | 0.3286
train | Complex_Query | 21 | 0.3000
train | Standard_Query | 26 | 0.3714
test | Ambiguous_Query | 7 | 0.3500
test | Complex_Query | 9 | 0.4500
test | Standard_Query | 4 | 0.2000
`,
	4: `
answer | gemini-2.5-pro | 99 | 3150 | 0.036000
judge | gemini-2.5-pro | 180 | 20160 | 0.009000
answer | gemini-2.5-flash | 92 | 3210 | 0.002761
analysis | gemini-2.5-flash | 90 | 9000 | 0.001800
judge | gemini-2.5-flash | 126 | 12474 | 0.000630
`,
	5: `
large | gemini-2.5-pro | 90 | 0.3333 | 445 | 1200
medium | gemini-2.5-flash | 90 | 0.3333 | 445 | 90
`,
	6: `
q-3 | What is the 3th question about? | incorrect answer 3 | correct answer 3
q-6 | What is the 6th question about? | idk answer 6 | correct answer 6
q-12 | What is the 12th question about? | incorrect answer 12 | correct answer 12
`,
	7: `
0.333 | 0.333 | 0.556
`,
	8: `
2700 | 36000 | 13800
`,
	9: `
v1 | v2 | false | 126 | 0.9048
v1 | v2 | true | 54 | 1.0000
`,
	10: `
q-0 | a | correct | incorrect | because it says so | a second opinion
q-0 | b | correct | incorrect | because it says so | a second opinion
q-10 | a | correct | incorrect | because it says so | a second opinion
`,
	11: `
intake | 91 | 0.005 | 0.005 | <nil>
answer | 181 | 0.600 | 0.600 | 1
judge | 180 | 0.300 | 0.300 | 1
label | 90 | 0.010 | 0.010 | 90
analysis | 90 | 0.251 | 0.251 | 0
whole | 90 | 1.166 | 1.166 | 1
`,
	12: `
Which question is never answered? | 1 | 0 | answer | answer | exhausted
`,
	13: `
answer | exhausted | 1 | 11:00:03
intake | undecodable | 1 | 09:00:01
`,
	14: `
bought_again | 1 | 31
`,
	15: `
geography | 30 | 0.33
history | 30 | 0.67
mathematics | 30 | 0
`,
	16: `
1 | 6 | 6 | 90 | 0.33
`,
	17: `
Ambiguous_Query | 21 | 0
Complex_Query | 20 | 0
Standard_Query | 23 | 0
`,
	18: `
gemini-2.5-flash | ok | 308 | 244 | 100.0
gemini-2.5-pro | ok | 270 | 342 | 96.8
gemini-2.5-pro | rate_limited | 9 | 12 | 3.2
`,
	19: `
(default) | 73 | 467 | 40141
acme | 18 | 120 | 10050
`,
	20: `
0 | asked | What is the 13th question about?
0.005 | accepted | test
0.605 | said by large | incorrect answer 13
0.605 | said by medium | incorrect answer 13
0.905 | judged v1 a | incorrect
0.905 | judged v1 b | incorrect
0.915 | labelled | Ambiguous_Query
1.165 | described | mathematics
1.166 | example | qqgvenaryxtautmudbweavxfxq
3600.000 | judged v2 a | incorrect
3600.000 | judged v2 b | incorrect
`,
	21: `
Complex_Query | 20 | 0.2000 | 0.7500 | 0
Standard_Query | 80 | 0.8000 | 0.2500 | 5
`,
	22: `
gemini-2.5-flash | medium | 80 | 0.8000 | 2400 | 0.002400 | 10
gemini-2.5-pro | large | 20 | 0.2000 | 600 | 0.008000 | 0
`,
	23: `
12:00:00 | model | 60 | 429.500 | 456.050 | 458.410
12:00:00 | router | 60 | 1.295 | 1.561 | 1.584
12:00:00 | total | 60 | 431.500 | 458.050 | 460.410
`,
	24: `
acme | 35 | 6600 | <nil>
(default) | 65 | 3800 | <nil>
`,
	25: `
acme | tenant | acme | month | 1000000 | true
`,
	26: `
client | Complex_Query | 5 | 0.6000
client | Standard_Query | 20 | 0.7500
client | all | 25 | 0.7200
judge | Complex_Query | 7 | 0.2857
judge | Standard_Query | 27 | 0.3333
judge | all | 34 | 0.3235
`,
	27: `
Complex_Query | Ambiguous_Query | 2 | 0.75
Complex_Query | Complex_Query | 2 | 0.75
Complex_Query | Standard_Query | 3 | 0.75
Standard_Query | Ambiguous_Query | 9 | 0.25
Standard_Query | Complex_Query | 9 | 0.25
Standard_Query | Standard_Query | 9 | 0.25
`,
	28: `
gemini-2.5-pro | gemini-2.5-flash | ok | 5 | 150
`,
	29: `
90 | 10100 | 36000 | 0.719
`,
	30: `
alert | drift | words | words drifted
router | r1 |  | 95 decisions
router | static |  | 5 decisions
`,
}

func TestThirtyQuestionsOfAnalystsHaveTheirAnswers(t *testing.T) {
	doc, err := os.ReadFile("../docs/analysts.md")
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(t, 90)
	w.SecondOpinion()
	w.Poison()
	w.Stuck()
	url := pgtest.New(t)
	db := w.Recorded(t, url)
	w.Online(t, url)
	asked := 0
	for _, m := range question.FindAllStringSubmatch(string(doc), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if asked++; n != asked {
			t.Errorf("question %d has the number %d", asked, n)
		}
		got, err := db.Table(t.Context(), m[3])
		if err != nil {
			t.Errorf("%d. %s: %v", n, m[2], err)
			continue
		}
		if want := strings.TrimLeft(answersOfTheWorld[n], "\n"); printed(got) != want {
			t.Errorf("%d. %s\ngot\n%swant\n%s", n, m[2], printed(got), want)
		}
	}
	if asked != 30 {
		t.Errorf("%d questions, want 30", asked)
	}
}
