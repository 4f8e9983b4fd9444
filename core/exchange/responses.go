package exchange

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// recall puts what a Responses request goes on from into its input: the items of
// its previous response and those that it refers to, from what the gateway keeps.
// Guardrails, limits and budgets then see all that a model will.
func (r *run) recall(ctx context.Context) *core.Error {
	keeper := r.x.Kept
	wish, said := scan.Bool(r.body.Get("store"))
	r.keeps = keeper != nil && (wish || !said)
	edits := []scan.Edit{{Key: "store", Value: []byte(fmt.Sprint(r.keeps))}}
	if wish && keeper == nil {
		r.head.Notices = append(r.head.Notices, "responses are not kept here")
	}
	var items []byte
	if v := r.body.Get("previous_response_id"); !scan.IsNull(v) {
		r.previous, _ = scan.String(v)
		var err error
		if keeper == nil {
			err = core.Errorf(core.CodeNotFound, core.SourceClient, "there is no response %q: responses are not kept here", r.previous)
		} else {
			items, r.history, err = keeper.History(ctx, r.principal, r.previous)
		}
		if err != nil {
			return at("previous_response_id", err)
		}
	}
	own, changed, err := r.inputItems(ctx)
	if err != nil {
		return err
	}
	if keeper != nil && changed && len(items)+len(own) > keeper.MaxHistory+len(r.body.Text()) {
		return core.Invalid("input", "what input refers to is more than this gateway reads at once: %d bytes", keeper.MaxHistory)
	}
	if changed || items != nil {
		edits = append(edits, scan.Edit{Key: "input", Value: scan.CloseArray(append(items, own...), 0)})
	}
	r.body = scan.Walk(r.body.Apply(nil, edits))
	return nil
}

// at names the member that an error is about.
func at(param string, err error) *core.Error {
	e := *core.AsError(err)
	e.Param = param
	return &e
}

// maxReferences is how many items a request may refer to: each is looked up.
const maxReferences = 100

// inputItems are the items of the client's own input, each after a comma, with
// those that it refers to in the place of their references.
func (r *run) inputItems(ctx context.Context) (items []byte, changed bool, fault *core.Error) {
	input := r.body.Get("input")
	if scan.Kind(input) == '"' {
		items = append([]byte(`,{"type":"message","role":"user","content":[{"type":"input_text","text":`), input...)
		return append(items, "}]}"...), false, nil
	}
	references := 0
	scan.Elements(input, func(i int, item []byte) bool {
		if r.x.Kept != nil && isReference(item) {
			if references++; references > maxReferences || len(items) > r.x.Kept.MaxHistory {
				fault = core.Invalid(fmt.Sprintf("input[%d]", i), "input refers to more than this gateway reads at once: at most %d items, of %d bytes", maxReferences, r.x.Kept.MaxHistory)
				return false
			}
			id := scan.GetString(item, "id")
			found, err := r.x.Kept.Item(ctx, r.principal, id)
			if err != nil {
				fault = core.AsError(err)
				return false
			}
			if found != nil { // what is not found is refused where it is used
				item, changed = found, true
			}
		}
		items = append(append(items, ','), item...)
		return true
	})
	return items, changed, fault
}

// isReference: clients may leave out the type.
func isReference(item []byte) bool {
	switch scan.GetString(item, "type") {
	case "item_reference":
		return true
	case "":
		return scan.Get(item, "id") != nil && scan.Get(item, "role") == nil
	}
	return false
}

// native makes the client's body fit for a vendor that speaks its dialect.
func (r *run) native(body scan.Object) (scan.Object, *core.Error) {
	if r.dialect.Native == nil {
		return body, nil
	}
	text, err := r.dialect.Native(body.Text())
	if err != nil {
		return body, core.AsError(err)
	}
	return scan.Walk(text), nil
}

// remember keeps an answer, as the client gets it.
func (r *run) remember(ctx context.Context, answer []byte) {
	if !r.keeps || scan.GetString(answer, "id") != r.replyID() {
		return
	}
	var own []byte
	input := r.body.Get("input")
	if scan.Kind(input) == '"' {
		own, _, _ = r.inputItems(ctx)
	}
	scan.Elements(input, func(i int, item []byte) bool {
		if i >= r.history {
			own = append(append(own, ','), item...)
		}
		return true
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	r.x.Kept.Save(ctx, r.principal, &kept.Response{ID: r.replyID(), Previous: r.previous, Input: scan.CloseArray(own, 0), Body: answer})
}

// rememberStream keeps the answer that stands in the last event of a stream.
func (r *run) rememberStream(ctx context.Context, events []byte) {
	if !r.keeps {
		return
	}
	reader := sse.NewReader(bytes.NewReader(events), maxEvent)
	for {
		ev, err := reader.Next()
		if err == io.EOF || err != nil {
			return
		}
		if status := scan.GetString(ev.Data, "response", "status"); status == "completed" || status == "incomplete" {
			r.remember(ctx, bytes.Clone(scan.Get(ev.Data, "response")))
		}
	}
}

// count answers how many tokens the input has, as far as the gateway can tell:
// nobody is called, and so nothing is billed. It is a request all the same.
func (r *run) count() *core.Error {
	input := estimateInput(r.body)
	body := append(appendInt([]byte(`{"object":"response.input_tokens","input_tokens":`), input.tokens), '}')
	r.head.Notices = append(r.head.Notices, "input_tokens is an estimate")
	return r.writeWhole(body)
}
