package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// AuditRecord is an ordinary record number n, n seconds after At.
func AuditRecord(n int) *core.AuditRecord {
	return &core.AuditRecord{
		ID: fmt.Sprintf("aud_%06d", n), At: At.Add(time.Duration(n) * time.Second), Action: "key.update",
		Actor:   core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: "key_1", Name: "Ä. Admin"}},
		Object:  core.AuditObject{Kind: "key", Named: core.Named{ID: "key_2", Name: "ci"}},
		Outcome: core.AuditRefused, ErrorCode: core.CodeConflict, Before: []byte(`{"name": "a"}`), After: []byte(`{"name": "b"}`),
		RemoteAddress: "192.0.2.1", UserAgent: "curl", Repeats: int64(n),
	}
}

func appendAudit(t *testing.T, s core.Store, records ...*core.AuditRecord) {
	t.Helper()
	for _, r := range records {
		if err := s.AppendAudit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func testAudit(t *testing.T, s core.Store) {
	other := &core.AuditRecord{ID: "aud_x", At: At.Add(time.Minute), Action: "ledger.rebuild", Actor: core.AuditActor{Kind: core.ActorSystem},
		Object: core.AuditObject{Kind: "ledger"}, Outcome: core.AuditOK}
	want := AuditRecord(1)
	appendAudit(t, s, want, other)
	for name, f := range map[string]core.AuditFilter{
		"action": {Action: "key.update"}, "kind": {ObjectKind: "key"}, "object": {ObjectID: "key_2"}, "actor": {ActorID: "key_1"},
		"to": {To: other.At}, "all": {Action: "key.update", ObjectKind: "key", ObjectID: "key_2", ActorID: "key_1", From: want.At, To: want.At.Add(1)},
	} {
		f.Limit = 10
		got, next, err := s.ListAudit(t.Context(), f)
		if err != nil || next != "" {
			t.Fatal(next, err)
		}
		equal(t, name, got, []*core.AuditRecord{want})
	}
	got, _, err := s.ListAudit(t.Context(), core.AuditFilter{From: other.At, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "from", got, []*core.AuditRecord{other})

	if err := s.AppendAudit(t.Context(), want); err == nil {
		t.Error("an id was taken twice")
	}
	bad := AuditRecord(99)
	bad.Object.Name, bad.UserAgent = "nul\x00 \xff", strings.Repeat("u", 5<<20)
	appendAudit(t, s, bad)
	got, _, err = s.ListAudit(t.Context(), core.AuditFilter{Limit: 1})
	if err != nil || len(got) != 1 || got[0].Object.Name != "nul� �" || len(got[0].UserAgent) > 4096 {
		t.Errorf("not cleaned: %+v, %v", got, err)
	}
}

// testAuditPaging: pages follow the order of writing where times are equal, and
// what arrives meanwhile shifts none.
func testAuditPaging(t *testing.T, s core.Store) {
	for n := range 5 {
		r := AuditRecord(n)
		r.ID, r.At = fmt.Sprintf("aud_%d", 9-n), At.Add(time.Duration(n/4)*time.Second)
		appendAudit(t, s, r)
	}
	pages := func(oldestFirst bool) (got string) {
		f := core.AuditFilter{Limit: 2, OldestFirst: oldestFirst}
		for first := true; first || f.Cursor != ""; first = false {
			records, next, err := s.ListAudit(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				got += strings.TrimPrefix(r.ID, "aud_")
			}
			f.Cursor, got = next, got+" "
			if first && !oldestFirst {
				appendAudit(t, s, AuditRecord(100))
			}
		}
		return got
	}
	equal(t, "newest first", pages(false), "56 78 9 ")
	equal(t, "oldest first", pages(true), "98 76 5000100 ")
	for _, f := range []core.AuditFilter{{}, {Limit: 1001}, {Limit: 1, Cursor: "x"}, {Limit: 1, Cursor: "1.-"}} {
		_, _, err := s.ListAudit(t.Context(), f)
		wantCode(t, err, core.CodeInvalidRequest)
	}
}
