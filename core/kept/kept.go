// Package kept keeps responses for those who asked for them, whatever provider
// answered: providers are told to keep none. https://platform.openai.com/docs/guides/conversation-state
package kept

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Keeper stores responses and finds them again. The bodies are sealed where the
// gateway has an encryption key. Safe for concurrent use.
type Keeper struct {
	Store  core.ResponseStore
	Sealer core.Sealer // nil seals nothing
	// MaxBytes is the most that is kept of one request and its answer; what is
	// larger is not kept.
	MaxBytes int
	// MaxHistory is the most that is read to go on from a response.
	MaxHistory int
	Retention  time.Duration
	Now        func() time.Time
	Log        *slog.Logger
}

// Item is one item of a response's input.
type Item struct {
	ID  string
	Raw []byte
}

// InputItems are the items of the response's own input, in their order.
func (r *Response) InputItems() (items []Item) {
	scan.Elements(r.Input, func(_ int, item []byte) bool {
		items = append(items, Item{scan.GetString(item, "id"), item})
		return true
	})
	return items
}

// maxChain is how many responses one may go back.
const maxChain = 1000

// errTooLong refuses to go on from more than the gateway reads at once.
func errTooLong(id string) error {
	return core.Errorf(core.CodeContextWindow, core.SourceClient, "what the response %q goes on from is more than this gateway reads at once", id)
}

// Response is what is kept of one answer.
type Response struct {
	ID, Previous string
	Input        []byte // its own items, without what came before; an array
	Body         []byte // the response as the client got it
}

// Save keeps a response. Items of its input get an id if they have none. What goes
// wrong is logged: the client has its answer.
func (k *Keeper) Save(ctx context.Context, p *core.Principal, r *Response) {
	input := withIDs(r.Input, r.ID)
	body := append(append([]byte(`{"input":`), input...), `,"response":`...)
	body = append(append(body, r.Body...), '}')
	if len(body) > k.MaxBytes {
		k.Log.Warn("a response is too large to be kept", "response", r.ID, "bytes", len(body))
		return
	}
	s := &core.StoredResponse{ID: r.ID, Owner: p.ResponseOwner(), PreviousID: r.Previous, CreatedAt: k.Now(), Body: string(body), Items: itemIDs(scan.Get(r.Body, "output"))}
	if k.Sealer != nil {
		if text, err := k.Sealer.Seal(place(s), body); err == nil {
			s.Body, s.Sealed = text, true
		} else if core.AsError(err).Code != core.CodeConflict { // there is no key
			k.Log.Error("a response could not be sealed and is not kept", "response", r.ID, "error", err)
			return
		}
	}
	if err := k.Store.SaveResponse(ctx, s); err != nil {
		k.Log.Error("a response could not be kept", "response", r.ID, "error", err)
	}
}

func place(s *core.StoredResponse) core.SealedAt { return core.SealedAt{Kind: "response", ID: s.ID} }

// Find returns a response of p's. One of somebody else's is CodeNotFound as one
// that does not exist.
func (k *Keeper) Find(ctx context.Context, p *core.Principal, id string) (*Response, error) {
	chain, err := k.chain(ctx, p, id, 1)
	if err != nil {
		return nil, err
	}
	return k.open(chain[0])
}

// Delete deletes a response of p's.
func (k *Keeper) Delete(ctx context.Context, p *core.Principal, id string) error {
	if !isID(id) {
		return notFound(id)
	}
	err := k.Store.DeleteResponse(ctx, p.ResponseOwner(), id)
	if err != nil && core.AsError(err).Code == core.CodeNotFound {
		return notFound(id)
	}
	return err
}

// History is all that was asked and answered up to a response of p's, and with it:
// items, each after a comma. A chain of which a part is gone is CodeNotFound.
func (k *Keeper) History(ctx context.Context, p *core.Principal, id string) (items []byte, count int, err error) {
	chain, err := k.chain(ctx, p, id, maxChain)
	if err != nil {
		return nil, 0, err
	}
	size := 0
	for _, r := range chain {
		size += len(r.Body)
	}
	if size > k.MaxHistory || len(chain) == maxChain && chain[maxChain-1].PreviousID != "" {
		return nil, 0, errTooLong(id)
	}
	if last := chain[len(chain)-1]; last.PreviousID != "" {
		return nil, 0, core.Errorf(core.CodeNotFound, core.SourceClient, "the response %q goes on from one that is kept no more", id)
	}
	add := func(_ int, item []byte) bool {
		items = append(append(items, ','), item...)
		count++
		return true
	}
	for i := len(chain) - 1; i >= 0; i-- {
		r, err := k.open(chain[i])
		if err != nil {
			return nil, 0, err
		}
		scan.Elements(r.Input, add)
		scan.Elements(scan.Get(r.Body, "output"), add)
	}
	return items, count, nil
}

// Item is an item that answered p once; nil when there is none of the id.
func (k *Keeper) Item(ctx context.Context, p *core.Principal, id string) (item []byte, err error) {
	s, err := k.Store.FindResponseOf(ctx, p.ResponseOwner(), id)
	if err != nil {
		if core.AsError(err).Code == core.CodeNotFound {
			err = nil
		}
		return nil, err
	}
	r, err := k.open(s)
	if err != nil {
		return nil, err
	}
	scan.Elements(scan.Get(r.Body, "output"), func(_ int, one []byte) bool {
		if scan.GetString(one, "id") == id {
			item = one
		}
		return item == nil
	})
	return item, nil
}

// Clean deletes a batch of what is older than Retention, and returns how many.
func (k *Keeper) Clean(ctx context.Context) (int, error) {
	return k.Store.DeleteOldResponses(ctx, k.Now().Add(-k.Retention), cleanBatch)
}

const cleanBatch = 200

// Run cleans until ctx ends: once a minute, and on while there is more.
func (k *Keeper) Run(ctx context.Context) {
	for {
		n, err := k.Clean(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.Warn("old responses could not be deleted", "error", err)
		}
		pause := time.Minute
		if n == cleanBatch {
			pause = 100 * time.Millisecond // others write, too
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (k *Keeper) chain(ctx context.Context, p *core.Principal, id string, limit int) ([]*core.StoredResponse, error) {
	if !isID(id) {
		return nil, notFound(id)
	}
	chain, err := k.Store.ListResponseChain(ctx, p.ResponseOwner(), id, limit, k.MaxHistory)
	if err != nil && core.AsError(err).Code == core.CodeNotFound {
		err = notFound(id)
	}
	return chain, err
}

func (k *Keeper) open(s *core.StoredResponse) (*Response, error) {
	body := []byte(s.Body)
	if s.Sealed {
		if k.Sealer == nil {
			return nil, core.Errorf(core.CodeInternal, core.SourceGateway, "the response %q cannot be read", s.ID)
		}
		var err error
		if body, err = k.Sealer.Open(place(s), s.Body); err != nil {
			return nil, core.Errorf(core.CodeInternal, core.SourceGateway, "the response %q cannot be read", s.ID).With(err)
		}
	}
	return &Response{ID: s.ID, Previous: s.PreviousID, Input: scan.Get(body, "input"), Body: scan.Get(body, "response")}, nil
}

// isID reports whether an id is of the form that this gateway gives: others are
// not looked for.
func isID(id string) bool {
	rest, ok := strings.CutPrefix(id, core.PrefixResponse)
	return ok && len(rest) == 26 && strings.Trim(rest, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

func notFound(id string) error {
	return core.Errorf(core.CodeNotFound, core.SourceClient, "there is no response %q", id)
}

// itemIDs are the ids of the items in a list.
func itemIDs(list []byte) (ids []string) {
	scan.Elements(list, func(_ int, item []byte) bool {
		if id := scan.GetString(item, "id"); id != "" {
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// withIDs gives an id to items that have none: clients page by them.
func withIDs(list []byte, response string) []byte {
	var out []byte
	scan.Elements(list, func(i int, item []byte) bool {
		out = append(out, ',')
		if scan.Kind(item) != '{' || scan.GetString(item, "id") != "" {
			out = append(out, item...)
			return true
		}
		id := "item_" + strings.TrimPrefix(response, core.PrefixResponse) + "_" + strconv.Itoa(i)
		out = scan.Apply(out, item, []scan.Edit{{Key: "id", Value: scan.AppendString(nil, id)}})
		return true
	})
	return bytes.Clone(scan.CloseArray(out, 0))
}
