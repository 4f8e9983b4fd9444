package main

import (
	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// New is the plugin.
func New() *pdk.Provider {
	c := &codec{}
	c.configure(nil)
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.openai", Name: "OpenAI-compatible", Version: "1.2.0",
			Kind: abi.KindProvider, ABI: abi.Version, AnyID: true,
			Description: "OpenAI's API and that of servers that speak like it: what differs is configuration.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Config: schema,
			Credential: []abi.CredentialField{
				{Name: "api_key", Description: "API key, sent as a bearer token.", Optional: true},
			},
		},
		Configure:    c.configure,
		Plan:         c.plan,
		Encode:       c.encode,
		Decode:       c.decode,
		DecodeEvents: func(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) { return c.responses.DecodeEvents(r) },
		DecodeError:  c.decodeError,
		Converse:     c.converse,
	}
}
