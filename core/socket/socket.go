// Package socket is a WebSocket (RFC 6455) as the gateway uses it, on either side:
// whole messages, nothing compressed, nothing queued.
package socket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// Conn is one connection. Read is called by one goroutine; the other methods by
// any. A context that ends within a call breaks the connection.
type Conn struct{ ws *websocket.Conn }

// Closed is how a peer ended a connection.
type Closed struct {
	Code   int // of RFC 6455, section 7.4; 1005 for none
	Reason string
}

func (c *Closed) Error() string { return "the connection was closed: " + c.Reason }

// The codes of closing that the gateway itself uses.
const (
	CodeNormal   = 1000 // all is said
	CodeAway     = 1001 // the gateway stops, or nobody has said anything for long
	CodePolicy   = 1008 // who is at the other end may not go on
	CodeTooBig   = 1009 // a message is longer than is taken
	CodeInternal = 1011 // the gateway, or who it speaks to, failed
	codeNone     = 1005 // stands for a close without code, and is never sent
)

// Accept makes a connection of a client's request, which it answers, also where it
// fails. Any origin may ask: what proves who asks is a key, and no cookie.
func Accept(w http.ResponseWriter, r *http.Request, maxMessage int64, protocols ...string) (*Conn, error) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: protocols})
	if err != nil {
		return nil, err
	}
	return newConn(ws, maxMessage), nil
}

// Dial asks a server for a connection by client, whose transport is given no more
// than what RFC 6455 has in a request.
func Dial(ctx context.Context, client *http.Client, address string, maxMessage int64) (*Conn, error) {
	ws, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	return newConn(ws, maxMessage), nil
}

func newConn(ws *websocket.Conn, maxMessage int64) *Conn {
	ws.SetReadLimit(maxMessage)
	return &Conn{ws}
}

// Read returns the next message and whether it is text. The error of a connection
// that the peer closed is *Closed; one of a message that is too long closes it.
func (c *Conn) Read(ctx context.Context) (text bool, message []byte, err error) {
	kind, message, err := c.ws.Read(ctx)
	return kind == websocket.MessageText, message, closed(err)
}

// Write sends a message. It waits as long as the peer takes nothing.
func (c *Conn) Write(ctx context.Context, text bool, message []byte) error {
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	return closed(c.ws.Write(ctx, kind, message))
}

// Ping waits for the peer's answer, which somebody must be reading for.
func (c *Conn) Ping(ctx context.Context) error { return closed(c.ws.Ping(ctx)) }

// maxReason is what a close frame has room for, bytes.
const maxReason = 123

// Close tells the peer why and ends the connection; a peer that does not answer
// has some seconds to. A code that must not be sent becomes the normal one.
func (c *Conn) Close(code int, reason string) {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	if !sendable(code) {
		code, reason = CodeNormal, ""
	}
	_ = c.ws.Close(websocket.StatusCode(code), reason) // the peer may have gone
}

// sendable reports whether a close frame may carry code (RFC 6455, section 7.4).
func sendable(code int) bool {
	return code >= 1000 && code <= 1014 && code != 1004 && code != codeNone && code != 1006 || code >= 3000 && code <= 4999
}

// Cut ends the connection at once, without a word.
func (c *Conn) Cut() { _ = c.ws.CloseNow() }

func closed(err error) error {
	var e websocket.CloseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return &Closed{int(e.Code), e.Reason}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &Closed{CodeTooBig, "a message is longer than is taken"}
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
