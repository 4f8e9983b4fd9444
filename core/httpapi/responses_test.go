package httpapi_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// TestResponses: C65. What is kept of a response is its owner's alone, on every
// route, and no vendor is asked for it.
func TestResponses(t *testing.T) {
	r := newRig(t)
	keeper := &kept.Keeper{Store: r.store, MaxBytes: 1 << 20, MaxHistory: 1 << 20, Retention: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	r.options.Kept = keeper
	r.options.Exchange.(*exchange.Exchanger).Kept = keeper
	const stranger, blind = "sk-tok-stranger-0123456789abcdef", "sk-tok-blind-0123456789abcdef"
	service := keys.New(r.store, r.store, time.Now)
	for secret, endpoints := range map[string][]string{stranger: nil, blind: {"chat"}} {
		if _, _, err := service.Create(context.Background(), keys.Spec{Name: secret[7:12], Models: []string{"m"}, Secret: secret, Endpoints: endpoints}); err != nil {
			t.Fatal(err)
		}
	}
	r.each(func(t *testing.T, w way) {
		for _, path := range [...]string{"/v1/responses", "/openai/v1/responses", "/openai/responses"} {
			created := w.post(t, path, `{"model":"m","input":[{"role":"user","content":"a"},{"role":"user","content":"b","id":"mine"},{"role":"user","content":"c"}]}`)
			id := scan.GetString([]byte(created.body), "id")
			if created.status != 200 || !strings.HasPrefix(id, "resp_") {
				t.Fatalf("%d %s", created.status, created.body)
			}
			called := len(r.heard)
			item := "item_" + strings.TrimPrefix(id, "resp_") + "_"
			for _, c := range []struct {
				method, path, key string
				status            int
				want              string
			}{
				{"GET", id, stranger, 404, `there is no response`},
				{"DELETE", id, stranger, 404, `there is no response`},
				{"GET", id + "/input_items", stranger, 404, `there is no response`},
				{"POST", id + "/cancel", stranger, 404, `there is no response`},
				{"GET", id, "", 401, `key`},
				{"GET", id, blind, 403, `may not use`},
				{"GET", "resp_vendor", secret, 404, `there is no response`},
				{"DELETE", "resp_68a1f0c2", secret, 404, `there is no response`},
				{"GET", strings.Replace(id, "_", "%255F", 1), secret, 404, `there is no response`},
				{"GET", strings.Replace(id, "_", "%5F", 1), secret, 200, created.body},
				{"GET", id, secret, 200, created.body},
				{"GET", id + "?stream=true", secret, 400, `"param":"stream"`},
				{"PUT", id, secret, 405, `does not take`},
				{"POST", id + "/cancel", secret, 400, `has ended`},
				{"GET", id + "/input_items", secret, 200, `{"object":"list","data":[{"role":"user","content":"c","id":"` + item + `2"},{"role":"user","content":"b","id":"mine"},{"role":"user","content":"a","id":"` + item + `0"}],"first_id":"` + item + `2","last_id":"` + item + `0","has_more":false}`},
				{"GET", id + "/input_items?order=asc&limit=1", secret, 200, `"first_id":"` + item + `0","last_id":"` + item + `0","has_more":true}`},
				{"GET", id + "/input_items?order=asc&limit=2&after=mine", secret, 200, `"first_id":"` + item + `2","last_id":"` + item + `2","has_more":false}`},
				{"GET", id + "/input_items?after=" + item + "0", secret, 200, `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`},
				{"GET", id + "/input_items?limit=0", secret, 400, `"param":"limit"`},
				{"GET", id + "/input_items?order=up", secret, 400, `"param":"order"`},
				{"GET", id + "/input_items?after=other", secret, 400, `"param":"after"`},
				{"DELETE", id, secret, 200, `"deleted":true`},
				{"GET", id, secret, 404, `there is no response`},
				{"DELETE", id, secret, 404, `there is no response`},
			} {
				got := w.ask(t, c.method, path+"/"+c.path, nil, "Authorization", "Bearer "+c.key)
				if got.status != c.status || !strings.Contains(strings.TrimSpace(got.body), strings.TrimSpace(c.want)) {
					t.Errorf("%s %s/%s: %d %s, want %d %s", c.method, path, c.path, got.status, got.body, c.status, c.want)
				}
			}
			if len(r.heard) != called {
				t.Errorf("the vendor was asked %d times", len(r.heard)-called)
			}
		}
	})
}

// TestResponses_Count: tokens are counted for a model that the key may use, and nobody is called.
func TestResponses_Count(t *testing.T) {
	r := newRig(t)
	r.each(func(t *testing.T, w way) {
		for _, path := range [...]string{"/v1/responses/input_tokens", "/openai/v1/responses/input_tokens", "/openai/responses/input_tokens"} {
			got := w.post(t, path, `{"model":"m","input":"hello there","instructions":"be brief"}`)
			if n, _ := scan.GetInt([]byte(got.body), "input_tokens"); got.status != 200 || n < 2 || scan.GetString([]byte(got.body), "object") != "response.input_tokens" {
				t.Errorf("%d %s", got.status, got.body)
			}
			for body, status := range map[string]int{`{"model":"vendor/other","input":"a"}`: 403, `{"model":"none","input":"a"}`: 404, `{"model":"m"}`: 400, `{`: 400} {
				if got := w.post(t, path, body); got.status != status {
					t.Errorf("%s: %d %s", body, got.status, got.body)
				}
			}
			if got := w.ask(t, "GET", path, nil, "Authorization", "Bearer "+secret); got.status != 405 {
				t.Errorf("GET %s: %d %s", path, got.status, got.body)
			}
		}
	})
	if len(r.heard) != 0 {
		t.Error("the vendor was called")
	}
}

// TestResponses_NotKept: where nothing is kept there is nothing to find.
func TestResponses_NotKept(t *testing.T) {
	r := newRig(t)
	w := r.ways()[0]
	got := w.ask(t, "GET", "/v1/responses/"+core.NewID(core.PrefixResponse, time.Now()), nil, "Authorization", "Bearer "+secret)
	if got.status != 404 || !strings.Contains(got.body, "not kept") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
