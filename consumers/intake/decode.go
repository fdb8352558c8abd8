package intake

import (
	"mime"
	"strings"

	"sluice"
	"sluice/streams"
)

// decode reads the payload in the format that its Content-Type names.
func decode(in streams.Message) (streams.Asked, error) {
	if v := in.Header[streams.HeaderSchema]; v != "" && v != streams.SchemaVersion {
		return streams.Asked{}, refuse(sluice.ReasonUndecodable, "header %s: %.40q: this build reads version %s; upgrade it and replay the message", streams.HeaderSchema, v, streams.SchemaVersion)
	}
	var p payload
	var err error
	switch format(in.ContentType) {
	case streams.JSON:
		err = readJSON(in.Data, p.visit)
	case streams.MsgPack:
		err = readMsgPack(in.Data, p.visit)
	default:
		err = refuse(sluice.ReasonUndecodable, "Content-Type %.80q: want %s (the default) or %s", in.ContentType, streams.JSON, streams.MsgPack)
	}
	return p.Asked, err
}

// format is the content type without parameters; a charset other than UTF-8 makes it unknown.
func format(contentType string) string {
	if strings.TrimSpace(contentType) == "" {
		return streams.JSON
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "utf8") {
		return ""
	}
	switch kind {
	case "application/x-msgpack", "application/vnd.msgpack":
		return streams.MsgPack
	}
	return kind
}

// alike are words that upstreams use for a key of ours, without case and punctuation.
var alike = map[string]string{
	"question": "query", "prompt": "query", "text": "query", "q": "query", "problem": "query", "input": "query",
	"groundtruths": "ground_truth", "truth": "ground_truth", "answer": "ground_truth", "answers": "ground_truth",
	"gold": "ground_truth", "reference": "ground_truth", "references": "ground_truth", "expected": "ground_truth",
	"queryid": "id", "uid": "id", "uuid": "id", "key": "id", "tag": "tags", "labels": "tags", "customer": "tenant",
	"tenantid": "tenant", "prio": "priority", "due": "deadline", "expires": "deadline", "expiresat": "deadline",
}

// suggestion names the key that was probably meant.
func suggestion(key string) string {
	folded := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(key))
	if meant := alike[folded]; meant != "" {
		return ": did you mean " + meant + "?"
	}
	for _, k := range keys {
		if distance(folded, strings.ReplaceAll(k, "_", "")) <= len(k)/4 {
			return ": did you mean " + k + "?"
		}
	}
	return ": the keys are " + strings.Join(keys[:], ", ")
}

// distance is how many characters must be changed, added or dropped to turn a into b. Words longer than
// any key are far from every key.
func distance(a, b string) int {
	if len(a) > 32 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
