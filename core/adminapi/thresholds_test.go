package adminapi

import (
	"fmt"
	"testing"
)

// TestThresholds: a new budget has the usual ones, given ones are kept in order
// through other changes, and none is none.
func TestThresholds(t *testing.T) {
	w := newWorld(t)
	var k struct {
		ID     string
		Budget struct{ Thresholds []int }
	}
	want := func(list string) {
		t.Helper()
		if got := fmt.Sprint(k.Budget.Thresholds); got != list || k.Budget.Thresholds == nil {
			t.Errorf("got %s, want %s", got, list)
		}
	}
	w.want(201, "POST", "/keys", `{"name": "k", "budget": {"amount": "5"}}`, &k)
	want("[80 100]")
	w.want(200, "PATCH", "/keys/"+k.ID, `{"budget": {"thresholds": [120, 50]}}`, &k)
	want("[50 120]")
	w.want(200, "PATCH", "/keys/"+k.ID, `{"budget": {"amount": "6"}}`, &k)
	want("[50 120]")
	w.want(200, "PATCH", "/keys/"+k.ID, `{"budget": {"thresholds": []}}`, &k)
	want("[]")
	for _, bad := range []string{"[0]", "[1001]", "[50, 50]", "[1,2,3,4,5,6,7,8,9,10,11]"} {
		if p := w.problemOf(400, "PATCH", "/keys/"+k.ID, `{"budget": {"thresholds": `+bad+`}}`); p.Param != "budget.thresholds" {
			t.Errorf("%s: %+v", bad, p)
		}
	}
}
