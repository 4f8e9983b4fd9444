package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tokligence/gateway/core/exchange"
)

// writePatience is how long a client may keep a write waiting.
const writePatience = time.Minute

// reply writes an exchange's answer to net/http.
type reply struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	extended time.Time // when the write deadline was last moved
	broken   bool      // the connection, or the stream in it, is to be cut
}

// Whole writes a complete answer.
func (r *reply) Whole(status int, h *exchange.Head, body []byte) error {
	header := r.w.Header()
	setHead(header, h)
	if header["Content-Type"] = jsonType; h.ContentType != "" {
		header["Content-Type"] = []string{h.ContentType}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	r.w.WriteHeader(status)
	_, err := r.w.Write(body)
	return err
}

var (
	jsonType  = []string{"application/json"}
	eventType = []string{"text/event-stream"}
	noCache   = []string{"no-cache"}
	no        = []string{"no"}
)

// Start writes the head of an answer that comes in pieces; an event stream has
// the headers that keep proxies from buffering it.
func (r *reply) Start(h *exchange.Head) error {
	header := r.w.Header()
	setHead(header, h)
	if h.ContentType != "" {
		header["Content-Type"] = []string{h.ContentType}
	} else {
		header["Content-Type"] = eventType
		header["Cache-Control"] = noCache
	}
	if h.Length > 0 {
		header["Content-Length"] = []string{strconv.FormatInt(h.Length, 10)}
	}
	header["X-Accel-Buffering"] = no
	r.control = http.NewResponseController(r.w)
	r.w.WriteHeader(http.StatusOK)
	return nil
}

func (r *reply) Write(p []byte) error {
	_, err := r.w.Write(p)
	return err
}

// Flush hands what was written to the network. A client that takes nothing for
// a minute is taken for gone.
func (r *reply) Flush() error {
	if now := time.Now(); now.Sub(r.extended) > writePatience/4 {
		r.extended = now
		_ = r.control.SetWriteDeadline(now.Add(writePatience)) // not every server has one
	}
	return r.control.Flush()
}

// Break leaves it to finish to cut the answer.
func (r *reply) Break() { r.broken = true }

// finish is called when the exchange has ended.
func (r *reply) finish() {
	if r.broken {
		panic(http.ErrAbortHandler) // net/http's own way to cut an answer
	}
}

// setHead writes the gateway's own headers.
func setHead(header http.Header, h *exchange.Head) {
	eachHead(h, func(name, value string) { header[name] = append(header[name], value) })
}

// eachHead calls f with each of the gateway's own headers, names in canonical form.
func eachHead(h *exchange.Head, f func(name, value string)) {
	set := func(name, value string) {
		if value != "" {
			f(name, value)
		}
	}
	set("X-Tokligence-Exchange-Id", h.ExchangeID)
	set("X-Tokligence-Deployment", h.Deployment)
	set("X-Tokligence-Served-Model", h.ServedModel)
	set("X-Tokligence-Cost", h.Cost)
	if h.Attempts > 0 {
		set("X-Tokligence-Attempts", strconv.Itoa(h.Attempts))
	}
	if h.MaxOutput > 0 {
		set("X-Tokligence-Max-Output", strconv.FormatInt(h.MaxOutput, 10))
	}
	for _, notice := range h.Notices {
		set("X-Tokligence-Notice", notice)
	}
	for _, field := range h.More {
		set(field.Name, field.Value)
	}
}
