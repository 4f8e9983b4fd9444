package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// chunks is how many pieces a streamed answer has.
const chunks = 100

// mock speaks just enough OpenAI and Anthropic to be a provider that costs
// next to nothing. args[0] is the pause between two chunks.
func mock(l net.Listener, args []string) error {
	pause, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go (&mockConn{Conn: conn, pause: pause}).serve()
	}
}

type mockConn struct {
	net.Conn
	pause time.Duration
	out   []byte
}

func (c *mockConn) serve() {
	defer c.Close()
	r := bufio.NewReaderSize(c, 16<<10)
	var body []byte
	for {
		start, length, _, err := readHead(r)
		if err != nil {
			return
		}
		if cap(body) < length {
			body = make([]byte, length)
		}
		body = body[:length]
		if _, err := readFull(r, body); err != nil {
			return
		}
		anthropic := strings.Contains(start, "/messages")
		// A client's prompt may say "stream" too, but not with a colon behind it.
		if bytes.Contains(body, []byte(`"stream":true`)) {
			err = c.stream(anthropic)
		} else {
			_, err = c.Write(whole[anthropic])
		}
		if err != nil {
			return
		}
	}
}

func readFull(r *bufio.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

var text = strings.Repeat("lorem ipsum dolor sit amet ", 38)[:1024]

var whole = map[bool][]byte{
	false: answer(fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":256,"completion_tokens":256,"total_tokens":512}}`, text)),
	true:  answer(fmt.Sprintf(`{"id":"msg_1","type":"message","role":"assistant","model":"mock","content":[{"type":"text","text":"%s"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":256,"output_tokens":256}}`, text)),
}

func answer(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// event sends one event in a write of its own.
func (c *mockConn) event(name, data string) error {
	n := len("data: \n\n") + len(data)
	if name != "" {
		n += len("event: \n") + len(name)
	}
	c.out = append(strconv.AppendInt(c.out[:0], int64(n), 16), "\r\n"...)
	if name != "" {
		c.out = append(append(append(c.out, "event: "...), name...), '\n')
	}
	c.out = append(append(append(c.out, "data: "...), data...), "\n\n\r\n"...)
	_, err := c.Write(c.out)
	return err
}

// stamp marks a chunk with the time of its sending, so that the load generator
// can tell how long it was on its way.
func stamp() string { return fmt.Sprintf("t=%019d ", time.Now().UnixNano()) }

func (c *mockConn) stream(anthropic bool) error {
	if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")); err != nil {
		return err
	}
	send := c.openAI
	if anthropic {
		send = c.anthropic
	}
	if err := send(); err != nil {
		return err
	}
	_, err := c.Write([]byte("0\r\n\r\n"))
	return err
}

// paced calls f once for each chunk, at its time.
func (c *mockConn) paced(f func() error) error {
	start := time.Now()
	for i := range chunks {
		if c.pause > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * c.pause)))
		}
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *mockConn) openAI() error {
	const chunk = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}`
	err := c.paced(func() error { return c.event("", fmt.Sprintf(chunk, `"content":"`+stamp()+`"`, "null")) })
	if err == nil {
		err = c.event("", fmt.Sprintf(chunk, "", `"stop"`))
	}
	if err == nil {
		err = c.event("", `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[],"usage":{"prompt_tokens":256,"completion_tokens":100,"total_tokens":356}}`)
	}
	if err == nil {
		err = c.event("", "[DONE]")
	}
	return err
}

func (c *mockConn) anthropic() error {
	for _, e := range []string{
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"mock","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":256,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	} {
		if err := c.event(eventName(e), e); err != nil {
			return err
		}
	}
	err := c.paced(func() error {
		return c.event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+stamp()+`"}}`)
	})
	for _, e := range []string{
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":100}}`,
		`{"type":"message_stop"}`,
	} {
		if err == nil {
			err = c.event(eventName(e), e)
		}
	}
	return err
}

// eventName is the type that an Anthropic event's data begins with.
func eventName(data string) string {
	name, _, _ := strings.Cut(data[len(`{"type":"`):], `"`)
	return name
}
