package producers

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sluice"
	"sluice/streams"
)

// message makes the message that asks one row. Its id is the query's key, so that publishing a file
// again within the deduplication window stores nothing anew (Invariant 2).
func (o Options) message(subject string, row Row) (streams.Message, error) {
	a := streams.Asked{
		Query: row.Text, ID: row.ID, GroundTruth: row.GroundTruth, Tenant: row.Tenant,
		Tags:     append(row.Tags[:len(row.Tags):len(row.Tags)], o.Tags...),
		Priority: row.Priority, Deadline: row.Deadline,
	}
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		return streams.Message{}, fmt.Errorf("encode the query of line %d: %w", row.Line, err)
	}
	m := streams.Message{
		Subject:     subject,
		ID:          "asked." + sluice.QueryKey(row.Tenant, row.ID, row.Text),
		ContentType: streams.JSON,
		Data:        bytes.TrimSpace(data.Bytes()),
	}
	if o.AsTest {
		m.Header = map[string]string{streams.HeaderSplit: string(sluice.Test)}
	}
	return m, nil
}
