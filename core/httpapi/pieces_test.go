package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/exchange"
)

// TestPieces: an answer that comes in pieces keeps its type and length, its pieces
// arrive before it is whole, and a client sees whether it has become so, whatever
// server it is connected to.
func TestPieces(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int64
		pieces string // each letter is one
		broken bool   // by the exchange
		cut    bool   // as the client sees it
	}{
		{"with a length", 3, "abc", false, false},
		{"without a length", 0, "abc", false, false},
		{"broken, with a length", 3, "ab", true, true},
		{"broken, without a length", 0, "ab", true, true},
		{"shorter than its length", 3, "ab", false, true},
	} {
		goOn := make(chan struct{}, 1)
		s := &scripted{do: func(_ context.Context, _ *exchange.Request, reply exchange.Reply) {
			_ = reply.Start(&exchange.Head{ExchangeID: "exc_1", ContentType: "audio/mpeg", Length: c.length})
			for i, piece := range strings.Split(c.pieces, "") {
				_ = reply.Write([]byte(piece))
				_ = reply.Flush()
				if i == 0 {
					<-goOn
				}
			}
			if c.broken {
				reply.Break()
			}
		}}
		_, lane := startLanes(t, s)
		plain := httptest.NewServer(New(options(s)))
		t.Cleanup(plain.Close)
		var h1, h2c http.Protocols
		h1.SetHTTP1(true)
		h2c.SetUnencryptedHTTP2(true)
		for _, way := range []struct {
			name, url string
			protocols *http.Protocols
		}{{"lane", "http://" + lane, &h1}, {"net/http", plain.URL, &h1}, {"h2c", "http://" + lane, &h2c}} {
			t.Run(c.name+"/"+way.name, func(t *testing.T) {
				tr := &http.Transport{Protocols: way.protocols, DisableCompression: true}
				defer tr.CloseIdleConnections()
				req, err := http.NewRequest("POST", way.url+"/v1/audio/speech", strings.NewReader("x"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Api-Key", "sk-1")
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				first := make([]byte, 1)
				if _, err := io.ReadFull(resp.Body, first); err != nil {
					t.Fatal(err)
				}
				goOn <- struct{}{}
				rest, err := io.ReadAll(resp.Body)
				if (err != nil) != c.cut || !c.cut && string(first)+string(rest) != c.pieces || len(rest) > 2 {
					t.Errorf("got %q%q, %v", first, rest, err)
				}
				length := c.length
				if length == 0 {
					length = -1
				}
				if resp.Header.Get("Content-Type") != "audio/mpeg" || resp.ContentLength != length || resp.Header.Get("X-Tokligence-Exchange-Id") != "exc_1" || resp.Header.Get("Cache-Control") != "" {
					t.Errorf("length %d, %v", resp.ContentLength, resp.Header)
				}
			})
		}
	}
}

// TestWhole_ContentType: an answer that is no JSON says what it is.
func TestWhole_ContentType(t *testing.T) {
	s := &scripted{do: func(_ context.Context, _ *exchange.Request, reply exchange.Reply) {
		_ = reply.Whole(200, &exchange.Head{ContentType: "text/vtt\r\nX-Evil: 1"}, []byte("WEBVTT"))
	}}
	_, lane := startLanes(t, s)
	plain := httptest.NewServer(New(options(s)))
	defer plain.Close()
	for _, url := range []string{"http://" + lane, plain.URL} {
		req, err := http.NewRequest("POST", url+"/v1/audio/transcriptions", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Api-Key", "sk-1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "WEBVTT" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/vtt") || resp.Header.Get("X-Evil") != "" {
			t.Errorf("%s: %q %v", url, body, resp.Header)
		}
	}
}
