package adminapi

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/tokligence/gateway/core"
)

// TestKeys_Bulk: each key has its own result, in the order of the request, and
// none is held up by another; the key that asks is never among them.
func TestKeys_Bulk(t *testing.T) {
	w := newWorld(t)
	var k struct{ ID, Secret string }
	w.want(201, "POST", "/keys", `{"name": "x"}`, &k)
	for _, c := range []struct {
		action string
		want   string // of the plain key, k, one that never was, and the one that asks
		status int    // of a request with k
	}{
		{"block", "done done not_found conflict", http.StatusUnauthorized},
		{"block", "done done not_found conflict", http.StatusUnauthorized},
		{"unblock", "done done not_found conflict", http.StatusOK},
		{"delete", "done done not_found conflict", http.StatusUnauthorized},
		{"delete", "not_found not_found not_found conflict", http.StatusUnauthorized},
		{"unblock", "not_found not_found not_found conflict", http.StatusUnauthorized},
	} {
		var list struct{ Data []bulkResult }
		ids := []string{w.plain.ID, k.ID, "key_none", w.admin.ID}
		w.want(200, "POST", "/keys/bulk", fmt.Sprintf(`{"action": %q, "ids": [%q, %q, %q, %q]}`, c.action, ids[0], ids[1], ids[2], ids[3]), &list)
		got := ""
		for i, r := range list.Data {
			word := core.Code("done")
			if !r.Done {
				word = r.Code
			}
			if r.ID != ids[i] || r.Done != (r.Detail == "") {
				t.Errorf("%s: %+v", c.action, r)
			}
			got += " " + string(word)
		}
		if got != " "+c.want {
			t.Errorf("%s:%s, want %s", c.action, got, c.want)
		}
		if status, _, _ := w.do(k.Secret, "GET", "/me", ""); status != c.status {
			t.Errorf("after %s: status %d, want %d", c.action, status, c.status)
		}
	}
	w.want(200, "GET", "/me", "", nil)
}
