package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice"
)

// OpenAI speaks the chat completions API that OpenAI published and most servers offer (vLLM, Ollama,
// llama.cpp, gateways of other vendors). It makes one attempt a call. Make one with [NewOpenAI].
type OpenAI struct {
	// asking is what all requests have in common.
	asking *http.Request
	// official is true for OpenAI's own servers, which want max_completion_tokens where others know
	// max_tokens alone.
	official bool
	key      Key
	observer *observer
}

// maxReply bounds, in bytes, a reply that comes as a whole, and what is kept of one that is streamed.
const maxReply = 16 << 20

// errLong ends a reply that goes on beyond all measure, so that no server fills the memory.
var errLong = fmt.Errorf("the reply was given up: it has more than %d MiB, which no model says", maxReply>>20)

// NewOpenAI makes a provider. An empty baseURL is OpenAI's; "/v1/chat/completions" is added to it as
// far as it is missing. An empty key sends no Authorization header.
func NewOpenAI(baseURL string, key Key) (*OpenAI, error) {
	if baseURL == "" {
		baseURL = "https://api.openai.com"
	}
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("openai: base URL: want http://host or https://host, with a path if need be")
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/chat/completions")
	if !strings.HasSuffix(path, "/v1") {
		path += "/v1"
	}
	u.Path = path + "/chat/completions"
	asking := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}},
	}
	if u.User != nil && key == (Key{}) {
		password, _ := u.User.Password()
		asking.SetBasicAuth(u.User.Username(), password)
	}
	return &OpenAI{asking: asking, official: u.Hostname() == "api.openai.com", key: key, observer: newObserver(u, signature{"Authorization", "Bearer ", key})}, nil
}

// Name is "openai".
func (o *OpenAI) Name() string { return "openai" }

// Close closes idle connections.
func (o *OpenAI) Close() { o.observer.CloseIdleConnections() }

// Generate makes one attempt.
func (o *OpenAI) Generate(ctx context.Context, req Request) (Response, error) {
	return responseOf(o.Chat(ctx, chatOf(req), nil))
}

// Chat makes one attempt.
func (o *OpenAI) Chat(ctx context.Context, req ChatRequest, sink func(Chunk) error) (Reply, error) {
	a := newAssembly(&req, sink)
	body, err := o.encode(&req, sink != nil)
	if err != nil {
		return Reply{}, &Error{Outcome: sluice.OutcomeRefused, Err: fmt.Errorf("openai: encode the request: schema or temperature is no JSON")}
	}
	ex := &exchange{}
	resp, err := o.send(ctx, ex, body)
	if err != nil {
		return a.failed(breakdown(ctx, ex, err))
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode != http.StatusOK:
		return a.failed(o.refused(ctx, ex, resp, req))
	case sink != nil:
		err = o.readStream(a, resp.Body)
	default:
		err = o.readWhole(a, resp)
	}
	var lost *sinkError
	switch {
	case errors.As(err, &lost):
		return a.failed(gone(lost))
	case err != nil:
		return a.failed(breakdown(ctx, ex, err))
	}
	reply, err := a.end()
	if sink != nil {
		_, _ = resp.Body.Read(make([]byte, 64)) // to its end: the connection can be used again
	}
	return reply, err
}

// send makes the exchange.
func (o *OpenAI) send(ctx context.Context, ex *exchange, body []byte) (*http.Response, error) {
	r := o.asking.WithContext(ctx)
	r.Body, r.ContentLength = newPayload(body, ex), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return newPayload(body, ex), nil } // on another connection
	resp, err := o.observer.send(r, ex)
	if err != nil {
		return nil, &url.Error{Op: http.MethodPost, Err: err}
	}
	return resp, nil
}

// refused reads a reply that is none.
func (o *OpenAI) refused(ctx context.Context, ex *exchange, resp *http.Response, req ChatRequest) *Error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return breakdown(ctx, ex, err)
	}
	words := ""
	if reply, err := readOpenAI(data); err == nil && reply.Error != nil {
		words = explain(reply.Error.Message, o.key, req.texts()...)
	}
	return refusal(ex, resp.StatusCode, words)
}

// readOpenAI reads a reply or a piece of one, and is not strict about it: servers are many.
func readOpenAI(data []byte) (openAIReply, error) {
	if reply, ok := usualReply(string(data)); ok {
		return reply, nil
	}
	var reply openAIReply
	err := jsonv2.Unmarshal(data, &reply, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsonv2.MatchCaseInsensitiveNames(true))
	return reply, err
}

// errAPI is a 200 that is not what the API promises. The server's bytes stay out of it.
var errAPI = errors.New("not what the API promises")

func (o *OpenAI) readWhole(a *assembly, resp *http.Response) error {
	data, err := readBody(resp)
	if err != nil {
		return err
	}
	reply, err := readOpenAI(data)
	if err != nil || reply.Error != nil {
		return errAPI
	}
	if len(reply.Choices) == 0 {
		a.bare = true
	}
	for _, c := range reply.Choices[:min(1, len(reply.Choices))] {
		if c.FinishReason == "" {
			c.FinishReason = "stop"
		}
		if err := c.read(a, c.Message); err != nil {
			return err
		}
	}
	a.setUsage(reply.Usage.tokens())
	return nil
}

// readBody reads a body of at most maxReply bytes, into room of its length where that is told and believable.
func readBody(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	if n < 0 || n > 64<<10 {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
		if len(data) > maxReply {
			return nil, errLong
		}
		return data, err
	}
	data := make([]byte, n)
	_, err := io.ReadFull(resp.Body, data)
	return data, err
}

// readStream reads a reply's server-sent events. The end of the body without [DONE] will do where a
// finish reason has come: some servers leave it out.
func (o *OpenAI) readStream(a *assembly, body io.Reader) error {
	events := newEvents(body)
	for {
		data, err := events.next()
		if errors.Is(err, io.EOF) || string(data) == "[DONE]" {
			return nil
		}
		if err != nil {
			return err
		}
		piece, err := readOpenAI(data)
		if err != nil || piece.Error != nil {
			return errAPI
		}
		if len(piece.Choices) == 0 {
			a.bare = true
		} else if err := piece.Choices[0].read(a, piece.Choices[0].Delta); err != nil {
			return err
		}
		a.setUsage(piece.Usage.tokens())
	}
}
