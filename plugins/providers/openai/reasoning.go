package main

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// canonical is what a model thought, in the canonical form.
const canonical = "reasoning_content"

// rename begins a history rule with the name that the vendor has for it.
const rename = "rename:"

func isHistory(rule string) bool {
	name, renamed := strings.CutPrefix(rule, rename)
	return rule == "keep" || rule == "remove" || rule == "parts" || renamed && name != "" && !strings.ContainsAny(name, ".[]\"\\")
}

// planReasoning gives the names of reasoning: in answers it is canonical, and in
// the messages of the history what the rule says. The deployment's rule outranks
// the profile's.
func planReasoning(p *abi.PlanReply, profile []byte, rule string) {
	for _, name := range texts(scan.Get(profile, "answer")) {
		p.Response.Edits = append(p.Response.Edits, abi.Edit{Op: abi.EditRename, Key: "choices[].message." + name, To: canonical})
		p.Stream.Edits = append(p.Stream.Edits, abi.Edit{Op: abi.EditRename, Key: "choices[].delta." + name, To: canonical})
	}
	if rule == "" {
		rule = scan.GetString(profile, "history")
	}
	key := "messages[]." + canonical
	if rule == "remove" {
		p.Request.Extensions = slices.DeleteFunc(p.Request.Extensions, func(name string) bool { return name == "reasoning_details" })
		if p.Request.Strict { // the host leaves it out
			return
		}
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditRemove, Key: key})
		return
	}
	p.Request.Extensions = append(p.Request.Extensions, canonical)
	if name, renamed := strings.CutPrefix(rule, rename); renamed {
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditRename, Key: key, To: name})
		return
	}
	if rule == "parts" {
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditJoinThinking, Key: key, To: "content"},
			abi.Edit{Op: abi.EditRemove, Key: key}) // null, or empty
		return
	}
	if required, _ := scan.Bool(scan.Get(profile, "required")); required {
		p.Request.Edits = append(p.Request.Edits, abi.Edit{Op: abi.EditDefault, Key: key, Value: abi.Raw(`""`), Where: abi.Raw(`{"role":"assistant"}`)})
	}
}

// effortsOf are the words for how long to think that the first entry of the profile's
// list knows whose models are meant; nil where none is said.
func effortsOf(profile []byte, model string) (words []string) {
	scan.Elements(scan.Get(profile, "reasoning", "efforts"), func(_ int, v []byte) bool {
		if !anyFits(texts(scan.Get(v, "models")), model) {
			return true
		}
		words = texts(scan.Get(v, "words"))
		return false
	})
	return words
}
