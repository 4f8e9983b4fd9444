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

// Every field of Usage must be written: one that is added later fails here.
func TestUsageJSON(t *testing.T) {
	full := core.Usage{InputSource: core.UsageReported, OutputSource: core.UsageEstimated}
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Int64 {
			v.Field(i).SetInt(int64(-7 + 3*i))
		}
	}
	for _, u := range []core.Usage{{}, full, storetest.Entry(1).Usage} {
		want, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		if got := usageJSON(&u); got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
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
