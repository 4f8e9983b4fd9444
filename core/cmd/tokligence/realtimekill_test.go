package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/socket"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// bearing adds a key to what is sent.
type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// speaking is a vendor that begins what it is asked for, and ends it where the event
// that asks for it is called "whole".
func speaking(t *testing.T) *vendor {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := socket.Accept(w, r, 1<<20)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Cut()
		for {
			_, m, err := conn.Read(context.Background())
			if err != nil {
				return // the gateway was killed, or is done
			}
			id := scan.GetString(m, "event_id")
			said := []string{`{"type":"response.created","response":{"id":"` + id + `"}}`, `{"type":"response.output_text.delta","response_id":"` + id + `","delta":"Hello"}`}
			if id == "whole" {
				said = append(said, `{"type":"response.done","response":{"id":"whole","status":"completed","usage":{"input_tokens":10,"output_tokens":5}}}`)
			}
			for _, event := range said {
				if conn.Write(context.Background(), true, []byte(event)) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	return &vendor{url: server.URL}
}

// TestGateway_KilledInSession kills the gateway while a session is under way: what was
// done stands as it was, and what was not stands once, at what was held for it.
func TestGateway_KilledInSession(t *testing.T) {
	tokens := strings.Replace(settings, "[[model]]", "[deployment.options]\nrealtime = true\n[[model]]", 1)
	sound := strings.Replace(strings.ReplaceAll(settings, "openai", "xai"), `{ input = "1.00", output = "2.00" }`, `{ second = "0.001", message = "0.004" }`, 1)
	for name, c := range map[string]struct{ config, want string }{
		"sold by tokens": {tokens, "ok $0.00002; interrupted $0.002015"},            // 1000 tokens of output, and the conversation so far
		"sold by sound":  {sound, "interrupted $0.06; ok $0.00; interrupted $0.00"}, // a minute ahead
	} {
		t.Run(name, func(t *testing.T) {
			v := speaking(t)
			g := newGateway(t, c.config, v)
			g.start()
			k := g.newKey("k", `, "budget": {"amount": "1.00"}`)
			client, err := socket.Dial(t.Context(), &http.Client{Transport: bearing(k.Secret)}, g.url+"/v1/realtime?model=m", 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Cut()
			for _, id := range []string{"whole", "cut"} {
				if err := client.Write(t.Context(), true, []byte(`{"type":"response.create","event_id":"`+id+`","response":{"max_output_tokens":1000}}`)); err != nil {
					t.Fatal(err)
				}
				last := map[string]string{"whole": "response.done", "cut": "response.output_text.delta"}[id]
				for kind := ""; kind != last; {
					_, m, err := client.Read(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					kind = scan.GetString(m, "type")
				}
			}
			g.kill()
			g.start()
			var got []string
			for _, e := range g.entries() {
				got = append(got, string(e.Outcome)+" $"+e.Amount.String())
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("the ledger has %s", text)
			}
			g.verify(k)
		})
	}
}
