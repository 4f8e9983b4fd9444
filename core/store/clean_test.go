package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/store/storetest"
)

// What is written by hand must read back whole: a field of Usage or Attempt
// that is added later fails here.
func TestAppendDetail(t *testing.T) {
	full := storetest.Entry(1)
	v := reflect.ValueOf(&full.Usage).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Int64 {
			v.Field(i).SetInt(int64(-7 + 3*i))
		}
	}
	full.Reason = "\"weighted\" \u2028 Ä\n"
	for _, e := range []*core.LedgerEntry{{}, full, storetest.Entry(2), {Tags: []string{""}, Findings: []string{"a", "\\"}}} {
		var got detail
		text := appendDetail(nil, e)
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if want := (detail{e.Usage, e.Tags, e.Attempts, e.Reason, e.Findings}); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "Ä ∑ 🙂": "Ä ∑ 🙂", "a\x00b": "a\uFFFDb", "Ä\x00": "Ä\uFFFD", "\xff": "\uFFFD", "\xed\xa0\x80x": "\uFFFDx",
		strings.Repeat("x", 1024): strings.Repeat("x", 1024),
		strings.Repeat("x", 1025): strings.Repeat("x", 1021) + "…",
		strings.Repeat("ä", 600):  strings.Repeat("ä", 510) + "…",
	} {
		if got := clean(in); got != want || !utf8.ValidString(got) {
			t.Errorf("%.20q…: got %.40q… of %d bytes", in, got, len(got))
		}
	}
}
