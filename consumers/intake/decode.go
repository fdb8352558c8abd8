package intake

import (
	"mime"
	"strings"

	"sluice"
	"sluice/spelling"
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
	if meant := alike[spelling.Fold(key)]; meant != "" {
		return ": did you mean " + meant + "?"
	}
	if meant := spelling.Meant(key, keys[:]); meant != "" {
		return ": did you mean " + meant + "?"
	}
	return ": the keys are " + strings.Join(keys[:], ", ")
}
