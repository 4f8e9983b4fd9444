package exchange

import (
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/dialect"
	"github.com/tokligence/gateway/pdk/abi"
)

// TestStamp: what a plugin has written stays as it is.
func TestStamp(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`
	for _, c := range []struct {
		endpoint   abi.Endpoint
		body, want string
	}{
		{abi.Chat, `{}`, `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",` + usage + `}`},
		{abi.Chat, `{"choices":[{"id":"x"}]}`, `{"choices":[{"id":"x"}],"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",` + usage + `}`},
		{abi.Chat, `{ "model":null, "\u0069d":"mine" }`, `{ "model":null, "\u0069d":"mine" ,"object":"chat.completion","created":1700000000,` + usage + `}`},
		{abi.Chat, `{"id":1,"object":2,"created":3,"model":4,"usage":5}`, `{"id":1,"object":2,"created":3,"model":4,"usage":5}`},
		{abi.Embeddings, `{"data":[]}`, `{"data":[],"object":"list","model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`},
		{abi.Embeddings, `{"object":"o","model":"n","usage":{}}`, `{"object":"o","model":"n","usage":{}}`},
	} {
		r := &run{id: core.PrefixExchange + "1", dialect: dialect.Of(c.endpoint), req: &Request{Endpoint: c.endpoint, Arrived: time.Unix(1700000000, 0)}, plan: &plan{endpoint: c.endpoint},
			target: &Target{Deployment: &core.Deployment{Model: "m"}}}
		if got := string(r.stamp(nil, []byte(c.body), core.Usage{Input: 3, Output: 4})); got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.endpoint, c.body, got, c.want)
		}
	}
}
