package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// probes are the smallest requests behind the model's name, by endpoint.
var probes = map[abi.Endpoint]string{
	abi.Chat:        `,"max_tokens":16,"messages":[{"role":"user","content":"Say OK."}]}`,
	abi.Completions: `,"max_tokens":16,"prompt":"OK"}`,
	abi.Embeddings:  `,"input":"OK"}`,
	abi.Images:      `,"n":1,"prompt":"A dot."}`,
	abi.Moderations: `,"input":"OK"}`,
	abi.Rerank:      `,"query":"OK","documents":["OK"]}`,
}

// others are tried, in this order, where nothing tells what an alias is for and
// chat is refused as a wrong request.
var others = [...]abi.Endpoint{abi.Embeddings, abi.Rerank, abi.Moderations, abi.Completions}

// TestModel sends one small request to the endpoint that the alias is for.
func (r *runtime) TestModel(ctx context.Context, who *core.Principal, name string) (*adminapi.TestResult, error) {
	route := r.exchanger.Snapshot().Routes[name]
	if route == nil {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "there is no model %q", name)
	}
	endpoint := purpose(route)
	if endpoint != "" {
		return r.probe(ctx, who, route, endpoint), nil
	}
	res := r.probe(ctx, who, route, abi.Chat)
	if res.Status == http.StatusBadRequest || res.Status == http.StatusNotFound {
		for _, endpoint := range others {
			if other := r.probe(ctx, who, route, endpoint); other.OK {
				return other, nil
			}
		}
	}
	return res, nil
}

// purpose is the endpoint that an alias's price says it is for: what makes text
// has a price for output, a picture one for pictures, a ranking one for searches
// alone, an embedding one for input alone. It is "" when no deployment has a price.
func purpose(route *exchange.Route) abi.Endpoint {
	for _, t := range route.Targets {
		if t.NotConfigured != "" || t.Price == nil {
			continue
		}
		switch rates := t.Price.Rates; {
		case rates.Image != nil || rates.ImageOutput != nil:
			return abi.Images
		case rates.Output != nil:
			return abi.Chat
		case rates.Input != nil:
			return abi.Embeddings
		case rates.Search != nil:
			return abi.Rerank
		}
	}
	return ""
}

// probe sends the endpoint's smallest request, as who. Whoever may test an alias
// may call it for that, and what the operator's aliases fall back to; limits and
// budgets hold as ever.
func (r *runtime) probe(ctx context.Context, who *core.Principal, route *exchange.Route, endpoint abi.Endpoint) *adminapi.TestResult {
	key, p, name := *who.Key, *who, route.Name
	key.AllModels, p.AnyOwner = true, true
	if route.Owner != (core.Place{}) {
		key.AllModels, key.Models = false, []string{name}
	}
	p.Key, p.Tags, p.Levels = &key, append(slices.Clone(p.Tags), adminapi.TestTag), slices.Clone(p.Levels)
	for i := range p.Levels {
		p.Levels[i].AllModels = true
	}
	now := time.Now()
	body := append(scan.AppendString([]byte(`{"model":`), name), probes[endpoint]...)
	var c capture
	r.exchanger.Do(ctx, &p, &exchange.Request{Endpoint: endpoint, Body: body, Arrived: now, Header: func(string) string { return "" }}, &c)
	res := &adminapi.TestResult{OK: c.status == http.StatusOK, Status: c.status, Endpoint: string(endpoint),
		Deployment: c.head.Deployment, LatencyMS: time.Since(now).Milliseconds()}
	if res.Message = scan.GetString(c.body, "error", "message"); res.OK {
		res.Message = shown(endpoint, c.body)
	}
	return res
}

// shown is an answer in a few words.
func shown(endpoint abi.Endpoint, body []byte) (text string) {
	first := func(list string, say func(item []byte)) {
		scan.Elements(scan.Get(body, list), func(_ int, item []byte) bool {
			say(item)
			return false
		})
	}
	switch endpoint {
	case abi.Chat:
		first("choices", func(choice []byte) { text = scan.GetString(choice, "message", "content") })
	case abi.Completions:
		first("choices", func(choice []byte) { text = scan.GetString(choice, "text") })
	case abi.Moderations:
		first("results", func([]byte) { text = "a verdict" })
	case abi.Rerank:
		first("results", func([]byte) { text = "a ranking" })
	case abi.Embeddings:
		first("data", func(item []byte) {
			n := 0
			scan.Elements(scan.Get(item, "embedding"), func(int, []byte) bool { n++; return true })
			text = fmt.Sprintf("a vector of %d numbers", n)
		})
	case abi.Images:
		first("data", func([]byte) { text = "a picture" })
	}
	return text
}

// capture is a reply that keeps the answer.
type capture struct {
	status int
	head   exchange.Head
	body   []byte
}

func (c *capture) Whole(status int, h *exchange.Head, body []byte) error {
	c.status, c.head, c.body = status, *h, body
	return nil
}
func (c *capture) Start(*exchange.Head) error { c.status = http.StatusOK; return nil }
func (c *capture) Write([]byte) error         { return nil }
func (c *capture) Flush() error               { return nil }
func (c *capture) Break()                     {}
