package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice"
)

// maxReasonBytes is where a longer reason is cut.
const maxReasonBytes = 500

// ParseReply reads a judge model's reply: one JSON object with a verdict and a reason, alone or in a code
// fence. It is strict where it matters: the verdict must be one of the three grades (in any case), given
// once, with nothing before or after the object. It guesses nothing.
func ParseReply(text string) (sluice.Grade, string, error) {
	text = unfence(text)
	if verdict, reason, ok := plainReply(text); ok {
		grade, err := gradeOf(verdict)
		if err != nil {
			return "", "", err
		}
		return grade, sluice.CleanText(reason, maxReasonBytes), nil
	}
	return parseReply(text)
}

// parseReply reads any reply that is not fenced.
func parseReply(text string) (sluice.Grade, string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", "", errors.New("not a JSON object")
	}
	var grade sluice.Grade
	var reason string
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", "", fmt.Errorf("cut off or malformed: %w", err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return "", "", fmt.Errorf("cut off or malformed: %w", err)
		}
		switch key {
		case "verdict":
			if grade != "" {
				return "", "", errors.New("two verdicts")
			}
			if grade, err = parseGrade(value); err != nil {
				return "", "", err
			}
		case "reason":
			var s string
			if err := json.Unmarshal(value, &s); err == nil {
				reason = sluice.CleanText(s, maxReasonBytes)
			}
		}
	}
	if _, err := dec.Token(); err != nil {
		return "", "", fmt.Errorf("cut off or malformed: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", "", errors.New("something follows the JSON object")
	}
	if grade == "" {
		return "", "", errors.New("no verdict")
	}
	return grade, reason, nil
}

func parseGrade(value json.RawMessage) (sluice.Grade, error) {
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", errors.New("the verdict is not text")
	}
	return gradeOf(s)
}

func gradeOf(s string) (sluice.Grade, error) {
	grade, err := sluice.ParseGrade(strings.ToLower(strings.TrimSpace(s)))
	if err != nil {
		return "", fmt.Errorf("the verdict is none: %.40q", s)
	}
	return grade, nil
}

// unfence takes a code fence off, if the whole text is in one.
func unfence(text string) string {
	text = strings.TrimSpace(text)
	inner, ok := strings.CutPrefix(text, "```")
	if !ok {
		return text
	}
	inner, ok = strings.CutSuffix(inner, "```")
	if !ok {
		return text
	}
	return strings.TrimPrefix(strings.TrimSpace(inner), "json")
}
