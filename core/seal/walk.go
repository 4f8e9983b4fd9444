package seal

import (
	"cmp"
	"context"
	"slices"

	"github.com/tokligence/gateway/core"
)

const (
	batch     = 200 // texts of one transaction
	maxFaults = 100
)

// Use is how many texts of a kind depend on a key.
type Use struct {
	Kind  string `json:"kind"`
	Key   string `json:"key"` // its id; "" is of texts that are damaged
	Count int    `json:"count"`
	Known bool   `json:"known"` // the ring has the key
}

// Survey counts all sealed texts by kind and key, without opening them.
func (r *Ring) Survey(ctx context.Context, store core.SealedStore) ([]Use, error) {
	counts := map[Use]int{}
	err := walk(ctx, store, func(page []core.SealedValue) error {
		for _, v := range page {
			id := KeyOf(v.Sealed)
			counts[Use{Kind: v.At.Kind, Key: id, Known: r.Has(id)}]++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	uses := make([]Use, 0, len(counts))
	for u, n := range counts {
		u.Count = n
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
	return uses, nil
}

// Fault is a text that could not be sealed anew; it stays as it is.
type Fault struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Why  string `json:"why"`
}

// Outcome is what sealing anew came to.
type Outcome struct {
	Resealed int     `json:"resealed"`
	Current  int     `json:"current"` // were the current key's already, and open
	Failed   int     `json:"failed"`
	Faults   []Fault `json:"faults"` // the first of them
}

// ResealAll seals everything anew that is not the current key's, a batch in a
// transaction, and opens what is. It can be ended and called again at any time:
// every text is the one key's or the other's. Others may write meanwhile; what
// they do is kept.
func (r *Ring) ResealAll(ctx context.Context, store core.SealedStore) (*Outcome, error) {
	if r.current == nil {
		return nil, core.Errorf(core.CodeConflict, core.SourceGateway, "secrets cannot be sealed anew: %s", r.why)
	}
	o := &Outcome{Faults: []Fault{}}
	failed := map[core.SealedAt]bool{}
	made := map[string]bool{} // by the page before: they may stand behind its end
	return o, walk(ctx, store, func(page []core.SealedValue) error {
		var changes []core.SealedChange
		for _, v := range page {
			if made[v.Sealed] {
				continue
			}
			again, err := r.Reseal(v.At, v.Sealed)
			switch {
			case err != nil && len(o.Faults) < maxFaults && !failed[v.At]:
				o.Faults = append(o.Faults, Fault{v.At.Kind, v.At.ID, err.Error()})
				fallthrough
			case err != nil:
				failed[v.At] = true
				o.Failed++
			case again == v.Sealed:
				o.Current++
			default:
				changes = append(changes, core.SealedChange{At: v.At, Old: v.Sealed, New: again})
			}
		}
		clear(made)
		for _, c := range changes {
			made[c.New] = true
		}
		if len(changes) == 0 {
			return nil
		}
		n, err := store.ReplaceSealed(ctx, changes)
		o.Resealed += n
		return err
	})
}

func walk(ctx context.Context, store core.SealedStore, do func(page []core.SealedValue) error) error {
	for p := (core.Page{Limit: batch}); ; {
		values, next, err := store.ListSealed(ctx, p)
		if err != nil {
			return err
		}
		if err := do(values); err != nil {
			return err
		}
		if p.Cursor = next; next == "" {
			return nil
		}
	}
}
