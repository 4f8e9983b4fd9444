package adminapi

import (
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/seal"
)

// TestEncryption: the state is told, and sealing anew is on record. What becomes
// of secrets is the store's test.
func TestEncryption(t *testing.T) {
	w := newWorld(t)
	var state encryption
	w.want(200, "GET", "/encryption", "", &state)
	if state.Key != w.deps.Sealer.Current() || state.Key == "" || state.Uses == nil || state.Why != "" {
		t.Errorf("%+v", state)
	}
	var done resealed
	w.want(200, "POST", "/encryption/reseal", "", &done)
	if done.Key != state.Key || done.Failed != 0 || done.Faults == nil {
		t.Errorf("%+v", done)
	}
	var page struct {
		Data []struct{ Action, Outcome string }
	}
	w.want(200, "GET", "/audit?action=encryption.reseal", "", &page)
	if len(page.Data) != 1 || page.Data[0].Outcome != "ok" {
		t.Errorf("%+v", page)
	}

	w.deps.Sealer = seal.Without("no key: set encryption_key of [security]")
	w.handler = checked(t, w.deps)
	w.want(200, "GET", "/encryption", "", &state)
	if state.Key != "" || !strings.Contains(state.Why, "encryption_key") {
		t.Errorf("%+v", state)
	}
	w.want(409, "POST", "/encryption/reseal", "", nil)
}
