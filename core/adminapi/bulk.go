package adminapi

import (
	"context"
	"strconv"

	"github.com/tokligence/gateway/core"
)

// maxBulk bounds how long one request can keep the store busy.
const maxBulk = 1000

// bulkInput is one action on many keys.
type bulkInput struct {
	IDs    []string   `json:"ids" api:"required"`
	Action bulkAction `json:"action" api:"required" doc:"What to do with each."`
}

// bulkResult is what became of one of them. Code and Detail say why it is not
// done, as a problem document would.
type bulkResult struct {
	ID     string    `json:"id"`
	Done   bool      `json:"done"`
	Code   core.Code `json:"code,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// bulkAction is what can be done with many keys.
type bulkAction string

const (
	bulkBlock   bulkAction = "block"
	bulkUnblock bulkAction = "unblock"
	bulkDelete  bulkAction = "delete"
)

// doing finds what to do with each key, and what that needs.
func (a *api) doing(name bulkAction) (func(ctx context.Context, id string) error, verb, error) {
	switch name {
	case bulkBlock:
		return a.Keys.Block, block, nil
	case bulkUnblock:
		return a.Keys.Unblock, update, nil
	case bulkDelete:
		return a.Keys.Delete, remove, nil
	}
	return nil, 0, core.Invalid("action", "%q is not one of block, unblock, delete", string(name))
}

func (in *bulkInput) check() error {
	if len(in.IDs) == 0 || len(in.IDs) > maxBulk {
		return core.Invalid("ids", "must name 1 to %d keys", maxBulk)
	}
	seen := make(map[string]bool, len(in.IDs))
	for i, id := range in.IDs {
		if seen[id] {
			return core.Invalid("ids["+strconv.Itoa(i)+"]", "%q is in the list twice", id)
		}
		seen[id] = true
	}
	return nil
}

// bulkKeys does one thing to many keys, each for itself: what cannot be done
// with one holds up none of the others. The answer has the order of ids.
func (a *api) bulkKeys(c *call) error {
	var in bulkInput
	if err := c.body(&in); err != nil {
		return err
	}
	do, v, err := a.doing(in.Action)
	if err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	results := make([]bulkResult, len(in.IDs))
	for i, id := range in.IDs {
		if err := c.ctx().Err(); err != nil { // nobody waits for the rest
			return err
		}
		results[i] = a.bulkOne(c, string(in.Action), need{verb: v, resource: virtualKeys, object: a.keyObject}, id, do)
	}
	return writeList(c, results, "")
}

// bulkOne leaves a record as the action on one key does.
func (a *api) bulkOne(c *call, name string, n need, id string, do func(context.Context, string) error) bulkResult {
	permit := func() error { return a.permitObject(n, c, id) }
	err := a.change(action{name: "key." + name, find: a.auditKey}, c, permit, func() string { return id }, func() error {
		if c.caller.is(id) {
			return core.Errorf(core.CodeConflict, core.SourceClient, "a key cannot be among those that it asks about")
		}
		if _, err := a.findKey(c, id); err != nil {
			return err
		}
		return do(c.ctx(), id)
	})
	if err == nil {
		return bulkResult{ID: id, Done: true}
	}
	e := core.AsError(err)
	if e.HTTPStatus() >= 500 {
		a.Log.Error("admin request failed", "path", c.r.URL.Path, "key", id, "error", e)
	}
	return bulkResult{ID: id, Code: e.Code, Detail: e.Message}
}
