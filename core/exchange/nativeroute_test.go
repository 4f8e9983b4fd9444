package exchange

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func TestUsageSum(t *testing.T) {
	const doc = `{"u":{"a":5,"b":2,"list":[{"k":"X","n":3},{"k":"Y","n":4},{"k":"X","n":1}]},"r":[{"n":1},{"n":2}]}`
	for path, want := range map[string]int64{"u.a + u.b": 7, "u.a - u.b": 3, "u.b - u.a": 0, "u.list[k=X].n": 4, "u.list[k=X].n - u.list[k=Y].n": 0,
		"r[].n": 3, "u.missing + u.a": 5, "u.missing + u.none": -1, "u.list[k=Z].n": -1, "r[]": -1} {
		_, sums := splitUsage([]string{path})
		got, ok := sums[0].read([]byte(doc), scan.Int)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s is %d, want %d", path, got, want)
		}
	}
}

// FuzzMatch holds, for any path, that what a route takes is its own text around
// one segment, which names the model.
func FuzzMatch(f *testing.F) {
	for _, p := range []string{"/v1/models/m:go", "/v1/models/a%2Fb:go", "/v1/models/..:go", "/v1/models/m/../n:go", "/v1//models/m:go", "/V1/models/m:go", "/v1/models/%zz:go"} {
		f.Add(p)
	}
	n := compileRoute(abi.NativeRoute{Path: "/v1/models/{model}:go"})
	f.Fuzz(func(t *testing.T, path string) {
		model, ok := n.match("POST", path)
		if !ok {
			if model != "" {
				t.Errorf("%q names %q and is no match", path, model)
			}
			return
		}
		segments := strings.Split(path, "/")
		if len(segments) != 4 || strings.Join(segments[:3], "/") != "/v1/models" {
			t.Fatalf("%q matches", path)
		}
		if got, err := url.PathUnescape(strings.TrimSuffix(segments[3], ":go")); err != nil || got != model || model == "" {
			t.Errorf("%q names %q", path, model)
		}
	})
}
