// Guest is a guardrail that does what the text before it says, one command in a
// text. It tells all that it knows, to the log and in its reply.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// hosts are those that the manifest asks for, set when the guest is built.
var hosts string

func main() {}

func init() { pdk.Register(guest()) }

func guest() *pdk.Guardrail {
	var config abi.Raw
	g := &pdk.Guardrail{Manifest: abi.Manifest{ID: "guardrail.guest", Name: "Guest", Version: "1.0.0", Config: abi.Raw(`{"type":"object"}`),
		Credential: []abi.CredentialField{{Name: "api_key"}}, Capabilities: abi.Capabilities{Stream: true, Rewrite: true, Hold: 10}}}
	if hosts != "" {
		g.Manifest.Capabilities.Hosts = strings.Split(hosts, ",")
	}
	g.Configure = func(c abi.Raw) []abi.Problem {
		config = c
		return nil
	}
	g.Inspect = func(r *abi.InspectRequest) (*abi.InspectReply, error) {
		if r.HTTPResponse != nil {
			all, err := json.Marshal([]any{r, config})
			pdk.Log(pdk.Warn, fmt.Sprintf("%s", all))
			return &abi.InspectReply{Verdict: abi.Rewrite, Segments: []abi.SegmentText{{ID: r.Segments[0].ID, Text: string(all)}}}, err
		}
		for _, s := range r.Segments {
			if reply, err := obey(s.Text); reply != nil || err != nil {
				return reply, err
			}
		}
		return &abi.InspectReply{Verdict: abi.Allow}, nil
	}
	return g
}

// obey carries out the first line of a text, if it is a command.
func obey(text string) (*abi.InspectReply, error) {
	command, argument, _ := strings.Cut(text, " ")
	switch command {
	case "PANIC":
		panic("told to: " + argument)
	case "LOOP":
		for {
		}
	case "FAIL":
		return nil, &abi.Error{Code: abi.PluginFailed, Message: "told to fail"}
	case "NONSENSE":
		return &abi.InspectReply{Verdict: "perhaps"}, nil
	case "FETCH":
		var r abi.HTTPRequest
		err := json.Unmarshal([]byte(argument), &r)
		return &abi.InspectReply{Verdict: abi.Fetch, HTTPRequest: &r}, err
	}
	return nil, nil
}
