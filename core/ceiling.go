package core

import "strings"

// Ceiling is what an organization, a team or a user allows each of its keys at
// most, and all of them together where limits are concerned. A key may do what it
// is allowed itself and every one of its owners allows too.
type Ceiling struct {
	// AllModels lifts the restriction of Models. Without it an empty Models
	// allows nothing: an empty list never means everything.
	AllModels bool     `json:"all_models"`
	Models    []string `json:"models"`
	Limits    Limits   `json:"limits"` // of all keys together
	// Guardrails, by their names, guard what the keys do beside those of the route:
	// they add to them and take none away.
	Guardrails []string `json:"guardrails"`
}

// Check refuses lists and limits that make no sense. The error is
// CodeInvalidRequest at the member.
func (u *CeilingUpdate) Check() error {
	if u.Models != nil {
		if err := CheckModels(*u.Models); err != nil {
			return err
		}
	}
	if u.Limits != nil {
		return CheckLimits(*u.Limits)
	}
	return nil
}

// CeilingUpdate changes the fields that are not nil.
type CeilingUpdate struct {
	AllModels *bool
	Models    *[]string
	Limits    *Limits

	Guardrails *[]string
}

// Default makes a ceiling of which nothing was said, neither AllModels nor a list,
// one that restricts no model. Models and Guardrails are lists afterwards.
func (c *Ceiling) Default() {
	if c.Models == nil {
		c.AllModels, c.Models = true, []string{}
	}
	if c.Guardrails == nil {
		c.Guardrails = []string{}
	}
}

// Restricts reports whether the ceiling is lower than the sky.
func (c *Ceiling) Restricts() bool { return !c.AllModels || c.Limits != (Limits{}) }

// Level is a ceiling with its owner, as it holds for one key.
type Level struct {
	ID string // of the owner; its limits are counted under it
	Ceiling
}

// Owners are what a key belongs to, nil where it belongs to none. Member is the
// user's living membership in the team itself.
type Owners struct {
	Organization *Organization
	Project      *Project
	Team         *Team
	User         *User
	Member       *Membership
}

// AllowsModel reports whether the key and every owner of it allow the alias. It
// must be asked of each alias that is dispatched, and not of the one alone that
// the client named.
func (p *Principal) AllowsModel(alias string) bool {
	if !p.Key.AllModels && !p.lists(p.Key.Models, alias) {
		return false
	}
	for i := range p.Levels {
		if l := &p.Levels[i]; !l.AllModels && !p.lists(l.Models, alias) {
			return false
		}
	}
	return true
}

// Admitted reports whether the key is one of the owner's. To others what the owner
// has does not exist.
func (p *Principal) Admitted(owner Place) bool { return p.AnyOwner || owner.Admits(p.Key) }

// lists reports whether the list has the alias. A group that is not known, or is
// empty, has none.
func (p *Principal) lists(models []string, alias string) bool {
	for _, m := range models {
		if strings.HasPrefix(m, GroupPrefix) {
			for _, of := range p.Groups[m] {
				if of == alias {
					return true
				}
			}
		} else if m == alias {
			return true
		}
	}
	return false
}
