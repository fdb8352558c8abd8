// Package plaintext reads a file of text as what it says, however it is stored.
//
// Bytes enter; UTF-8 without a byte order mark leaves. It knows no format of rows and opens no file.
package plaintext

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// buffered is how much is read ahead, in bytes.
const buffered = 64 << 10

// Reader decompresses what is gzip by its first bytes, whatever its name says, and passes over the byte order mark of
// UTF-8. UTF-16 and damaged gzip are errors. It reads ahead: r is not to be read by others.
func Reader(r io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(r, buffered)
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		zipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		text = bufio.NewReaderSize(zipped, buffered)
	}
	switch mark, _ := text.Peek(3); {
	case bytes.HasPrefix(mark, []byte("\xef\xbb\xbf")):
		_, _ = text.Discard(3) // it was seen
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		return nil, errors.New("the file is UTF-16; convert it to UTF-8 first")
	}
	return text, nil
}
