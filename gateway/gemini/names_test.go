package gemini

import (
	"strings"
	"testing"

	"sluice/gateway/web"
)

func TestNamesInSnakeCaseAreRewrittenAndWhatIsTheClientsOwnIsNot(t *testing.T) {
	for body, want := range map[string]string{
		`{"system_instruction":{"parts":[{"text":"a_b"}]},"n":[1.50,1e400,true,null,"x_y"]}`: `{"systemInstruction":{"parts":[{"text":"a_b"}]},"n":[1.50,1e400,true,null,"x_y"]}`,
		`{"function_call":{"name":"f_g","args":{"a_b":{"c_d":1}}}}`:                          `{"functionCall":{"name":"f_g","args":{"a_b":{"c_d":1}}}}`,
		`{"response_schema":{"my_field":{}},"top_k":3}`:                                      `{"responseSchema":{"my_field":{}},"topK":3}`,
		`{"a_b":`: `{"a_b":`,
	} {
		if got := strings.TrimSpace(string(camel([]byte(body)))); got != want {
			t.Errorf("%s becomes %s, want %s", body, got, want)
		}
	}
}

func TestAMemberThatIsThereInBothSpellingsIsRefused(t *testing.T) {
	var b body
	fault := web.Decode(camel([]byte(`{"generation_config":{},"generationConfig":{"topP":0.5}}`)), &b)
	if fault == nil || fault.Param != "generationConfig" {
		t.Errorf("fault %v, want that generationConfig is there twice", fault)
	}
}

// To read what is within anew at each level takes minutes of a processor for a body that any client may send.
func TestADeepBodyIsGoneThroughOnce(t *testing.T) {
	deep := `{"x":` + strings.Repeat("[", 9000) + `"` + strings.Repeat("a", 1<<20) + `"` + strings.Repeat("]", 9000) + `}`
	var got []byte
	if n := testing.AllocsPerRun(1, func() { got = camel([]byte(deep)) }); n > 1000 {
		t.Errorf("%v allocations", n)
	}
	if strings.TrimSpace(string(got)) != deep {
		t.Error("it became something else")
	}
}
