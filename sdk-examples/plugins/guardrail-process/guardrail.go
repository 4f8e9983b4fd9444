// Guardrail-process is a guardrail as a process of its own: it masks payment
// card numbers, in what goes in and in what comes out, streams included.
package main

import (
	"regexp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// longest is the most characters of a number: 19 digits, each but the last
// followed by a separator. So much of a stream must be held back, since its end
// may still come.
const longest = 19 + 18

// candidate is 13 to 19 digits (ISO/IEC 7812), with single blanks or hyphens between.
var candidate = regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`)

// New returns the plugin.
func New() *pdk.Guardrail {
	c := &cards{mask: "[card number]"}
	return &pdk.Guardrail{
		Manifest: abi.Manifest{
			ID:           "guardrail.cards",
			Name:         "Card numbers",
			Version:      "1.0.0",
			Description:  "Masks payment card numbers.",
			License:      "Apache-2.0",
			Stability:    "experimental",
			Capabilities: abi.Capabilities{Stream: true, Rewrite: true, Hold: longest},
			Config: abi.Raw(`{
				"$schema": "https://json-schema.org/draft/2020-12/schema",
				"type": "object",
				"additionalProperties": false,
				"properties": {
					"mask": {"type": "string", "default": "[card number]", "description": "what stands in a number's place"}
				}
			}`),
		},
		Configure: c.configure,
		Inspect:   c.inspect,
	}
}

type cards struct{ mask string }

func (c *cards) configure(config abi.Raw) []abi.Problem {
	mask, ok := scan.String(scan.Get(config, "mask"))
	if !ok {
		return nil
	}
	if candidate.MatchString(mask) {
		return []abi.Problem{{Path: "mask", Message: "must not look like a card number itself"}}
	}
	c.mask = mask
	return nil
}

func (c *cards) inspect(r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply := &abi.InspectReply{Verdict: abi.Allow}
	if r.Stage == abi.StageStream && !r.Final {
		reply.Hold = longest
	}
	found := 0
	for _, s := range r.Segments {
		before := found
		text := candidate.ReplaceAllStringFunc(s.Text, func(number string) string {
			if !luhn(number) {
				return number
			}
			found++
			return c.mask
		})
		if found > before {
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: s.ID, Text: text})
		}
	}
	if found > 0 {
		reply.Verdict = abi.Rewrite
		reply.Findings = []abi.Finding{{Rule: "card-number", Count: found}}
	}
	return reply, nil
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B): of all digits from the
// right every second is doubled.
func luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] < '0' || number[i] > '9' {
			continue
		}
		n := int(number[i] - '0')
		if double {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum, double = sum+n, !double
	}
	return sum%10 == 0
}
