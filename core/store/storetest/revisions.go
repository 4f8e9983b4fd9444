package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// Revision is an ordinary revision with objects, n seconds after At.
func Revision(n int64, objects ...core.ConfigObject) *core.Revision {
	return &core.Revision{Number: n, At: At.Add(time.Duration(n) * time.Second), Cause: core.CauseAPI,
		Author:  core.AuditActor{Kind: core.ActorKey, Named: core.Named{ID: "key_1", Name: "Ä. Admin"}},
		Objects: objects, Content: json.RawMessage(fmt.Sprintf(`{"server.listen":"127.0.0.1:%d"}`, n))}
}

func configObject(kind core.ObjectKind, name, settings string, second int) core.ConfigObject {
	at := At.Add(time.Duration(second) * time.Second)
	return core.ConfigObject{ID: "cfg_" + string(kind) + name, Kind: kind, Name: name, Origin: core.OriginAPI, Settings: json.RawMessage(settings), CreatedAt: at, UpdatedAt: at}
}

// testRevisions: each revision keeps the objects that it had, whatever later
// ones do to them.
func testRevisions(t *testing.T, s core.Store) {
	ctx := t.Context()
	if n, err := s.LatestRevision(ctx); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	dep, alias := configObject(core.ObjectDeployment, "d", `{"model":"x"}`, 1), configObject(core.ObjectModel, "a/b", `{"deployments":["d"]}`, 2)
	dep.Owner = core.Place{OrganizationID: "org_1", TeamID: "tea_1"}
	changed := dep
	changed.Settings, changed.UpdatedAt = json.RawMessage(`{"model":"y"}`), At.Add(time.Hour)
	same := configObject(core.ObjectModel, "d", `{"deployments":["d"]}`, 3) // another kind may have the name
	history := [][]core.ConfigObject{nil, {dep}, {dep, alias}, {changed, alias, same}, {alias}, {dep, alias}, nil}
	for i, objects := range history {
		if err := s.AppendRevision(ctx, Revision(int64(i+1), objects...)); err != nil {
			t.Fatal(err)
		}
	}
	for i, objects := range history {
		r, err := s.FindRevision(ctx, int64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprint("revision ", i+1), r, Revision(int64(i+1), objects...))
	}
	secret := configObject(core.ObjectCredential, "c", `{"api_key":null}`, 4)
	secret.Sealed = "sealed-1"
	credentials := func(n int64) string {
		t.Helper()
		r, err := s.FindRevision(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return r.Objects[0].Sealed
	}
	history = append(history, []core.ConfigObject{secret}, []core.ConfigObject{secret})
	for n := int64(8); n <= 9; n++ { // the second still has the old text, as of a node that was at it meanwhile
		if err := s.AppendRevision(ctx, Revision(n, secret)); err != nil {
			t.Fatal(err)
		}
		if n == 8 {
			if _, err := s.ReplaceSealed(ctx, []core.SealedChange{{At: core.SealedAt{Kind: "credential", ID: secret.ID}, Old: "sealed-1", New: "sealed-2"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	equal(t, "sealed anew", credentials(8)+" "+credentials(9), "sealed-2 sealed-2")
	latest := int64(len(history))
	if n, err := s.LatestRevision(ctx); n != latest || err != nil {
		t.Error(n, err)
	}
	for _, n := range []int64{0, 1, latest, latest + 2} {
		wantCode(t, s.AppendRevision(ctx, Revision(n, dep)), core.CodeConflict)
	}
	_, err := s.FindRevision(ctx, latest+1)
	wantCode(t, err, core.CodeNotFound)

	var got []int64
	p := core.Page{Limit: 3}
	for first := true; first || p.Cursor != ""; first = false {
		page, next, err := s.ListRevisions(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			got = append(got, r.Number)
			want := Revision(r.Number)
			want.Content = nil
			equal(t, "listed", r, want)
		}
		p.Cursor = next
	}
	equal(t, "pages", got, []int64{9, 8, 7, 6, 5, 4, 3, 2, 1})
	for _, p := range []core.Page{{}, {Limit: 1001}, {Limit: 1, Cursor: "x"}} {
		_, _, err := s.ListRevisions(ctx, p)
		wantCode(t, err, core.CodeInvalidRequest)
	}
}

// testOwnedObjects: a team and its organization stay while they own something in
// the latest revision.
func testOwnedObjects(t *testing.T, s core.Store) {
	ctx := t.Context()
	if err := s.CreateOrganization(ctx, &core.Organization{ID: "org_x", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTeam(ctx, &core.Team{ID: "tea_x", OrganizationID: "org_x", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	o := configObject(core.ObjectModel, "m", "{}", 1)
	o.Owner = core.Place{OrganizationID: "org_x", TeamID: "tea_x"}
	for n, objects := range [][]core.ConfigObject{{o}, nil} {
		if err := s.AppendRevision(ctx, Revision(int64(n+1), objects...)); err != nil {
			t.Fatal(err)
		}
		err := s.DeleteTeam(ctx, "tea_x", At)
		if n == 0 {
			wantCode(t, err, core.CodeConflict)
			wantCode(t, s.DeleteOrganization(ctx, "org_x", At), core.CodeConflict)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// testRevisionRace: of many that append the same number one succeeds, so that
// numbers have no gap and no change is lost.
func testRevisionRace(t *testing.T, s core.Store) {
	const writers, each = 4, 10
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for done := 0; done < each; {
				n, err := s.LatestRevision(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				r := Revision(n+1, configObject(core.ObjectModel, fmt.Sprint("m", w), fmt.Sprintf(`{"n":%d}`, n), w))
				switch err := s.AppendRevision(t.Context(), r); {
				case err == nil:
					done++
				case core.AsError(err).Code != core.CodeConflict:
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n, err := s.LatestRevision(t.Context()); n != writers*each || err != nil {
		t.Errorf("%d revisions, %v", n, err)
	}
	for n := int64(1); n <= writers*each; n++ {
		if r, err := s.FindRevision(t.Context(), n); err != nil || len(r.Objects) != 1 {
			t.Errorf("revision %d: %+v, %v", n, r, err)
		}
	}
}
