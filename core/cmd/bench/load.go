package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// load is what a scenario sends.
type load struct {
	workers int
	body    string
	stagger time.Duration // between the starts of two workers
}

// tally counts answers, whole and other.
type tally struct {
	whole, errors int
	first         error
}

func (t *tally) add(u tally) {
	t.whole += u.whole
	t.errors += u.errors
	if t.first == nil {
		t.first = u.first
	}
}

func (t *tally) failed() error {
	if t.errors == 0 {
		return nil
	}
	return fmt.Errorf("%d errors beside %d whole answers, the first: %w", t.errors, t.whole, t.first)
}

// result is what came of a load: its tally is of the whole time, the rest of
// the measured time.
type result struct {
	tally
	requests, chunks int
	latency, transit []time.Duration
}

type worker struct {
	result
	addr    string
	request []byte
	conn    net.Conn
	r       *bufio.Reader
	from    time.Time
	// What the answer at hand begins with, for an error's text, and ends with.
	head, tail []byte
}

// request is the one request that all workers send.
func request(addr, path, key, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		path, addr, key, len(body), body)
}

// apply loads addr from now until the end; what ends before from is warm-up.
func (l load) apply(ctx context.Context, addr, path, key string, from, until time.Time) result {
	raw := request(addr, path, key, l.body)
	workers := make([]*worker, l.workers)
	var wg sync.WaitGroup
	for i := range workers {
		w := &worker{addr: addr, request: raw, from: from}
		workers[i] = w
		wg.Go(func() {
			time.Sleep(time.Duration(i) * l.stagger)
			w.run(ctx, until)
		})
	}
	wg.Wait()
	var sum result
	for _, w := range workers {
		sum.requests += w.requests
		sum.chunks += w.chunks
		sum.add(w.tally)
		sum.latency = append(sum.latency, w.latency...)
		sum.transit = append(sum.transit, w.transit...)
	}
	slices.Sort(sum.latency)
	slices.Sort(sum.transit)
	return sum
}

func (w *worker) run(ctx context.Context, until time.Time) {
	for ctx.Err() == nil {
		start := time.Now()
		if !start.Before(until) {
			break
		}
		if err := w.once(until); err != nil {
			w.add(tally{errors: 1, first: err})
			w.close()
			time.Sleep(time.Millisecond)
			continue
		}
		w.add(tally{whole: 1})
		if now := time.Now(); now.After(w.from) && now.Before(until) {
			w.requests++
			w.latency = append(w.latency, now.Sub(start))
		}
	}
	w.close()
}

func (w *worker) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// patience is how long an answer may take when the load has ended.
const patience = 30 * time.Second

// once sends the request and reads the answer; an error means that it is not a
// whole answer of status 200.
func (w *worker) once(until time.Time) (err error) {
	if w.conn == nil {
		if w.conn, err = net.Dial("tcp", w.addr); err != nil {
			return err
		}
		if err = w.conn.SetDeadline(until.Add(patience)); err != nil {
			return err
		}
		w.r = bufio.NewReaderSize(w.conn, 16<<10)
	}
	if _, err = w.conn.Write(w.request); err != nil {
		return err
	}
	status, length, chunked, err := readHead(w.r)
	if err != nil {
		return err
	}
	w.head, w.tail = w.head[:0], w.tail[:0]
	take := func(p []byte) {
		if len(w.head) < 200 {
			w.head = append(w.head, p[:min(len(p), 200)]...)
		}
		w.tail = append(w.tail, p[max(len(p)-16, 0):]...)
		w.tail = append(w.tail[:0], w.tail[max(len(w.tail)-16, 0):]...)
		w.stamps(p, until)
	}
	if chunked {
		err = readChunks(w.r, take)
	} else {
		err = readLength(w.r, length, take)
	}
	if err != nil {
		return err
	}
	end := "}"
	if chunked {
		end = "data: [DONE]"
	}
	if !strings.Contains(status, " 200 ") || !bytes.HasSuffix(bytes.TrimSpace(w.tail), []byte(end)) {
		return fmt.Errorf("%s: %s … %q", status, w.head, w.tail)
	}
	return nil
}

// stamps counts the marked chunks in a piece of a stream.
func (w *worker) stamps(p []byte, until time.Time) {
	now := time.Now()
	for {
		i := bytes.Index(p, []byte(`"t=`))
		if i < 0 || len(p) < i+22 {
			return
		}
		sent, err := strconv.ParseInt(string(p[i+3:i+22]), 10, 64)
		if err == nil && now.After(w.from) && now.Before(until) {
			w.chunks++
			w.transit = append(w.transit, time.Duration(now.UnixNano()-sent))
		}
		p = p[i+22:]
	}
}

// readHead reads a message's start line and headers, as far as they matter here.
func readHead(r *bufio.Reader) (start string, length int, chunked bool, err error) {
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first:
			start = string(line)
			continue
		case len(line) == 0:
			return start, length, chunked, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil {
				return "", 0, false, err
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = true
		}
	}
}

func readLength(r *bufio.Reader, n int, take func([]byte)) error {
	for n > 0 {
		if _, err := r.Peek(1); err != nil {
			return err
		}
		p, _ := r.Peek(min(n, r.Buffered()))
		take(p)
		n -= len(p)
		if _, err := r.Discard(len(p)); err != nil {
			return err
		}
	}
	return nil
}

func readChunks(r *bufio.Reader, take func([]byte)) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return err
		}
		if err := readLength(r, int(n), take); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, 2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
