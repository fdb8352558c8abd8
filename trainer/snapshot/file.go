package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice"
)

// format is the version of the file.
const format = 1

// header is the file's first line.
type header struct {
	Format   int                 `json:"format"`
	Pair     string              `json:"pair"`
	Medium   string              `json:"medium"`
	Large    string              `json:"large"`
	Policies []sluice.PolicySpec `json:"policies"`
	Train    int                 `json:"train"`
	Test     int                 `json:"test"`
}

// ErrDigest says that a snapshot is not the one that a job names.
var ErrDigest = errors.New("the snapshot's digest is another one")

// Encode makes the file. The digest is the SHA-256, in hex, of the lines before they were compressed.
func (s *Snapshot) Encode() (file []byte, digest string, err error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	sum := sha256.New()
	lines := json.NewEncoder(io.MultiWriter(zipped, sum))
	h := header{format, s.Pair, s.Medium, s.Large, s.Policies, len(s.Train), len(s.Test)}
	err = lines.Encode(h)
	for _, rows := range [][]Row{s.Train, s.Test} {
		for i := range rows {
			err = errors.Join(err, lines.Encode(&rows[i]))
		}
	}
	if err = errors.Join(err, zipped.Close()); err != nil {
		return nil, "", fmt.Errorf("write snapshot: %w", err)
	}
	return out.Bytes(), hex.EncodeToString(sum.Sum(nil)), nil
}

// Decode reads a file and checks that it is the one of the digest: else the error is an [ErrDigest], or
// says where it is torn.
func Decode(r io.Reader, digest string) (*Snapshot, error) {
	fail := func(err error) (*Snapshot, error) { return nil, fmt.Errorf("read snapshot: %w", err) }
	zipped, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return fail(err)
	}
	sum := sha256.New()
	all, err := io.ReadAll(io.TeeReader(zipped, sum))
	if err != nil {
		return fail(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		return fail(fmt.Errorf("%w: %s instead of %s", ErrDigest, got, digest))
	}
	lines := json.NewDecoder(bytes.NewReader(all))
	var h header
	if err := lines.Decode(&h); err != nil {
		return fail(err)
	}
	if h.Format != format {
		return fail(fmt.Errorf("format %d, this program reads %d", h.Format, format))
	}
	rows := make([]Row, 0, h.Train+h.Test)
	for lines.More() {
		var row Row
		if err := lines.Decode(&row); err != nil {
			return fail(err)
		}
		rows = append(rows, row)
	}
	s, err := New(h.Pair, h.Medium, h.Large, h.Policies, rows)
	if err != nil {
		return fail(err)
	}
	if len(s.Train) != h.Train || len(s.Test) != h.Test {
		return fail(fmt.Errorf("%d train and %d test rows, the first line promises %d and %d", len(s.Train), len(s.Test), h.Train, h.Test))
	}
	return s, nil
}

// Holds says whether a file has a row of one of the queries.
func Holds(r io.Reader, query func(key string) bool) (bool, error) {
	zipped, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return false, fmt.Errorf("read snapshot: %w", err)
	}
	lines, found := json.NewDecoder(zipped), false
	for {
		var row struct {
			Key string `json:"key"`
		}
		err := lines.Decode(&row)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return false, fmt.Errorf("read snapshot: %w", err)
		}
		found = found || row.Key != "" && query(row.Key)
	}
}
