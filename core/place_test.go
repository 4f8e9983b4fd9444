package core

import "testing"

// TestPlace_Admits: what somebody owns is for the keys at the place, and no other.
func TestPlace_Admits(t *testing.T) {
	keys := map[string]*VirtualKey{"team": {OrganizationID: "o", TeamID: "t"}, "sibling": {OrganizationID: "o", TeamID: "u"},
		"organization": {OrganizationID: "o"}, "foreign": {OrganizationID: "p", TeamID: "v"}, "nobody": {}}
	for owner, admitted := range map[Place][]string{
		{}:                                 {"team", "sibling", "organization", "foreign", "nobody"},
		{OrganizationID: "o"}:              {"team", "sibling", "organization"},
		{OrganizationID: "o", TeamID: "t"}: {"team"},
		{OrganizationID: "q"}:              {},
	} {
		want := map[string]bool{}
		for _, name := range admitted {
			want[name] = true
		}
		for name, k := range keys {
			if got := owner.Admits(k); got != want[name] {
				t.Errorf("%+v admits the key of %s: %v", owner, name, got)
			}
		}
	}
}
