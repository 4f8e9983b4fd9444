package exchange

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// recall takes what a Responses request says of other responses for what it is:
// nothing is kept, so there is none.
func (r *run) recall() *core.Error {
	if id := r.body.Get("previous_response_id"); !scan.IsNull(id) {
		name, _ := scan.String(id)
		e := core.Errorf(core.CodeNotFound, core.SourceClient, "there is no response %q", name)
		e.Param = "previous_response_id"
		return e
	}
	r.body = scan.Walk(r.body.Apply(nil, []scan.Edit{{Key: "store", Value: []byte("false")}}))
	return nil
}

// native makes the client's body fit for a vendor that speaks its dialect.
func (r *run) native(body scan.Object) (scan.Object, *core.Error) {
	if r.dialect.Native == nil {
		return body, nil
	}
	text, err := r.dialect.Native(body.Text(), func(string) bool { return false })
	if err != nil {
		return body, core.AsError(err)
	}
	return scan.Walk(text), nil
}
