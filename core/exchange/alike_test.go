package exchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// What Azure OpenAI's content filters send before an answer and within it.
const (
	promptFilter = "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false}}}]}\n\n"
	textFilter   = "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_results\":{},\"content_filter_offsets\":{\"check_offset\":2}}]}\n\n"
	azureText    = "data: {\"id\":\"z1\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"gpt\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"ok\"},\"finish_reason\":null}]}\n\n"
	azureFinish  = "data: {\"id\":\"z1\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"gpt\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
)

// TestDo_FilterChunks is C05: chunks of content filters belong to the one answer,
// keep what they say, and are not its first token.
func TestDo_FilterChunks(t *testing.T) {
	const same = `"id":"z1","object":"chat.completion.chunk","created":9,"model":"gpt",`
	want := "data: {" + same + "\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false}}}]}\n\n" + azureText +
		"data: {" + same + "\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_results\":{},\"content_filter_offsets\":{\"check_offset\":2},\"delta\":{}}]}\n\n" + azureFinish + done
	t.Run("chat", func(t *testing.T) {
		r := newRig(t, core.Deployment{}, nil)
		r.answer(r.raw(streamHead, promptFilter, azureText, textFilter, azureFinish, done))
		c, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
		if got := c.body.String(); got != want || len(entries) != 1 || entries[0].Outcome != core.OutcomeOK {
			t.Errorf("%+v\n%s, want\n%s", entries, got, want)
		}
	})
	t.Run("messages", func(t *testing.T) {
		r := newRig(t, core.Deployment{}, nil)
		r.answer(r.raw(streamHead, promptFilter, azureText, textFilter, azureFinish, done))
		c, _ := r.ask(r.key("", core.Limits{}), abi.Messages, strings.Replace(helloStream, "{", `{"max_tokens":9,`, 1))
		got := c.body.String()
		for part, n := range map[string]int{"event: message_start": 1, "event: content_block_start": 1, `"text":"ok"`: 1, `"stop_reason":"end_turn"`: 1, "event: message_stop": 1, "filter": 0} {
			if strings.Count(got, part) != n {
				t.Errorf("%q stands there %d times, want %d: %s", part, strings.Count(got, part), n, got)
			}
		}
	})
	// By its asynchronous filter, Azure tells what it found behind the text, and behind the end as well.
	// https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming
	t.Run("responses", func(t *testing.T) {
		r := newRig(t, core.Deployment{}, nil)
		const late = "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_results\":{\"violence\":{\"filtered\":false}},\"content_filter_offsets\":{\"check_offset\":2}}],\"usage\":null}\n\n"
		r.answer(r.raw(streamHead, promptFilter, azureText, textFilter, azureFinish, late, done))
		c, entries := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":"hello","stream":true}`)
		got := c.body.String()
		for part, n := range map[string]int{"event: response.created\n": 1, "event: response.output_item.added\n": 1, `"delta":"ok"`: 1, "event: response.completed\n": 1, "event: error": 0, "filter": 0} {
			if strings.Count(got, part) != n {
				t.Errorf("%q stands there %d times, want %d: %s", part, strings.Count(got, part), n, got)
			}
		}
		if len(entries) != 1 || entries[0].Outcome != core.OutcomeOK {
			t.Errorf("%+v", entries)
		}
	})
	t.Run("responses, cut", func(t *testing.T) { // what the filter cut is an answer that is not complete
		r := newRig(t, core.Deployment{}, nil)
		r.answer(r.raw(streamHead, promptFilter, azureText, strings.ReplaceAll(azureFinish, `"stop"`, `"content_filter"`), done))
		c, _ := r.ask(r.key("", core.Limits{}), abi.Responses, `{"model":"m","input":"hello","stream":true}`)
		if got := c.body.String(); strings.Count(got, "event: response.incomplete\n") != 1 || !strings.Contains(got, `"incomplete_details":{"reason":"content_filter"}`) {
			t.Error(got)
		}
	})
	t.Run("no text", func(t *testing.T) { // the identity is the gateway's own then
		r := newRig(t, core.Deployment{}, nil)
		r.answer(r.raw(streamHead, promptFilter, strings.ReplaceAll(textFilter, "null", `"content_filter"`), done))
		c, _ := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
		got := c.body.String()
		if strings.Contains(got, `"id":""`) || strings.Contains(got, `"object":""`) || strings.Count(got, `"object":"chat.completion.chunk"`) != 2 || !strings.Contains(got, `"content_filter"`) || !strings.HasSuffix(got, done) {
			t.Error(got)
		}
	})
	t.Run("first token", func(t *testing.T) {
		r := newRig(t, core.Deployment{Timeouts: core.Timeouts{FirstToken: 100 * time.Millisecond, StreamIdle: time.Hour}}, nil)
		r.answer(r.raw(streamHead, promptFilter, "WAIT"))
		c, entries := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
		r.flushed <- struct{}{} // the vendor may go
		if c.status != 504 || len(entries) != 1 || strings.Contains(c.body.String(), "filter") {
			t.Errorf("%d %s, %+v", c.status, c.body.String(), entries)
		}
	})
	t.Run("never an id", func(t *testing.T) { // text does not wait for one
		r := newRig(t, core.Deployment{}, nil)
		blank := strings.NewReplacer(`"id":"x"`, `"id":""`)
		r.answer(r.raw(streamHead, blank.Replace(delta("a")), "WAIT", blank.Replace(delta("b")), blank.Replace(finish), done))
		c, _ := r.ask(r.key("", core.Limits{}), abi.Chat, helloStream)
		if got := c.body.String(); strings.Contains(got, `"id":""`) || strings.Count(got, `"id":"`) != 3 || !strings.HasSuffix(got, done) {
			t.Error(got)
		}
	})
}
