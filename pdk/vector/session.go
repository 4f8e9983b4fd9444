package vector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/wire"
)

const sessionSection, relaySection = "session.jsonl", "relay.jsonl"

// said is one line of a session's sections: a message of either side, or one to it.
type said struct {
	At      int        `json:"at"` // in relay.jsonl: the message that it came of, 0 for the opening
	Client  abi.Raw    `json:"client,omitempty"`
	Vendor  abi.Raw    `json:"vendor,omitempty"`
	Refused *abi.Error `json:"refused,omitempty"`
}

// converse asks for the plan of a session, opens it and gives the plugin its messages, each with the state
// that came of the one before. What is refused changes nothing.
func (v *vector) converse(messages []byte) error {
	var state abi.Raw
	var out []byte
	tell := func(line said) {
		b, err := json.Marshal(line)
		if err != nil {
			v.fail("%s: %v", relaySection, err)
		}
		out = append(append(out, b...), '\n')
	}
	at := 0
	step := func(r *abi.ConverseRequest) error {
		r.Deployment, r.Session, r.State = v.setup.Deployment, "s", state
		reply, err := ask(v, abi.Converse, r, wire.AppendConverseRequest, wire.ParseConverseReply)
		var refused *abi.Error
		switch {
		case errors.As(err, &refused):
			tell(said{At: at, Refused: refused})
			return nil
		case err != nil:
			return err
		}
		state = reply.State
		for _, m := range reply.ToVendor {
			tell(said{At: at, Vendor: m})
		}
		for _, m := range reply.ToClient {
			tell(said{At: at, Client: m})
		}
		return nil
	}
	if err := v.planned(); err != nil {
		return err
	}
	if err := step(&abi.ConverseRequest{}); err != nil {
		return err
	}
	for line := range bytes.Lines(messages) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var m said
		if err := strictly(line, &m); err != nil {
			return fmt.Errorf("%s: %w in %s", sessionSection, err, line)
		}
		at++
		if err := step(&abi.ConverseRequest{Client: m.Client, Vendor: m.Vendor}); err != nil {
			return err
		}
	}
	v.got[relaySection] = out
	return nil
}

// planned asks for the plan, as a host does before the session.
func (v *vector) planned() error {
	in, err := json.Marshal(abi.PlanRequest{Endpoint: abi.Realtime, Deployment: v.setup.Deployment})
	if err != nil {
		return err
	}
	out, err := v.call(abi.Plan, in)
	if err != nil {
		return err
	}
	var plan abi.PlanReply
	if err = json.Unmarshal(out, &plan); err == nil && (!plan.Supported || plan.Request.Mode != abi.Transform) {
		err = errors.New("plan: it translates no sessions of this deployment")
	}
	return err
}
