package httpapi

import (
	"fmt"
	"net/url"
	"testing"
)

func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/chat/completions":                                     "chat ",
		"/v2/rerank":                                               "rerank ",
		"/openai/v1/chat/completions":                              "chat ",
		"/openai/deployments/m/chat/completions":                   "chat m",
		"/openai/deployments/vendor/other/completions":             "completions vendor/other",
		"/openai/deployments/m/audio/transcriptions":               "transcriptions m",
		"/openai/deployments/m/images/edits":                       "image_edits m",
		"/openai/deployments/chat/completions/embeddings":          "embeddings chat/completions",
		"/openai/deployments//chat/completions":                    "",
		"/openai/deployments/chat/completions":                     "completions chat",
		"/openai/deployments/m/":                                   "",
		"/openai/deployments/m":                                    "",
		"/openai/responses":                                        "responses ",
		"/openai/v1/responses":                                     "responses ",
		"/openai/deployments/m/responses":                          "responses m",
		"/openai/responses/":                                       "",
		"/openai":                                                  "",
		"/openai/v1/":                                              "",
		"/openai/v2/rerank":                                        "",
		"/v1/chat/completions/":                                    "",
		"/openai/deployments/chat/chat/completions":                "chat chat",
		"/openai/deployments/m/chat/completions/extensions/search": "",
	} {
		a, ok := find(path)
		if got := fmt.Sprint(a.endpoint, " ", a.model); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %v %s, want %q", path, ok, got, want)
		}
	}
}

func TestPageOf(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for query, want := range map[string]string{
		"":                       "[a b c d]",
		"limit=2":                "[a b]",
		"limit=2&after_id=b":     "[c d]",
		"after_id=d":             "[]",
		"limit=2&before_id=d":    "[b c]",
		"before_id=a":            "[]",
		"after_id=bb":            "[c d]",
		"limit=0":                "limit",
		"limit=1001":             "limit",
		"limit=x":                "limit",
		"after_id=a&before_id=c": "before_id",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		from, to, perr := pageOf(names, q)
		got := fmt.Sprint(names[from:to])
		if perr != nil {
			got = perr.Param
		}
		if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}
