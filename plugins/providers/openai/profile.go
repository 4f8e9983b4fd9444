package main

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	"github.com/tokligence/gateway/plugins/codec/responses"
	"github.com/tokligence/gateway/plugins/codec/transcribe"
)

// What differs between the vendors that speak OpenAI's API is the plugin's
// configuration, the profile: defaults.json with what the folder of a vendor says
// laid over it, and with what the operator says over that. schema.json tells its
// members.

//go:embed defaults.json
var defaults []byte

//go:embed schema.json
var schema []byte

// codec is the plugin as one profile configures it.
type codec struct {
	profile []byte
	rules   []errorRule

	responses responses.Codec
	deployed  abi.Raw            // the deployment that settings are of
	settings  responses.Settings // of chat over responses

	heard abi.Raw // the deployment that words are of
	words *transcribe.Words
}

// configure takes the profile; what the schema cannot say of it is checked here.
func (c *codec) configure(config abi.Raw) (problems []abi.Problem) {
	c.profile = scan.Merge(nil, defaults, config)
	c.rules = nil
	scan.Elements(scan.Get(c.profile, "errors"), func(_ int, raw []byte) bool {
		c.rules = append(c.rules, readRule(raw))
		return true
	})
	c.rules = append(c.rules, errorRules...)
	c.responses, c.deployed, c.heard = responses.Codec{Rule: c.rule}, nil, nil
	scan.Members(scan.Get(c.profile, "options"), func(key, _ []byte) bool {
		if name := string(key); slices.Contains(ownOptions[:], name) {
			problems = append(problems, abi.Problem{Path: "options." + name, Message: "is an option of the plugin itself"})
		}
		return true
	})
	scan.Members(scan.Get(c.profile, "endpoints"), func(key, e []byte) bool {
		problems = append(problems, untranslatable("endpoints."+string(key), abi.Endpoint(key), scan.Get(e, "translate"))...)
		return true
	})
	scan.Elements(scan.Get(c.profile, "variants"), func(i int, v []byte) bool {
		scan.Members(scan.Get(v, "then", "endpoints"), func(key, e []byte) bool {
			path := "variants[" + strconv.Itoa(i) + "].then.endpoints." + string(key)
			problems = append(problems, untranslatable(path, abi.Endpoint(key), scan.Get(e, "translate"))...)
			return true
		})
		return true
	})
	return problems
}

// untranslatable tells of an endpoint whose translate means nothing.
func untranslatable(path string, endpoint abi.Endpoint, words []byte) []abi.Problem {
	over := scan.Get(words, "over")
	switch {
	case words == nil:
		return nil
	case endpoint == abi.Chat && over == nil:
		return []abi.Problem{{Path: path + ".translate", Message: "must say over: chat has OpenAI's words, or those of another of its APIs"}}
	case endpoint == abi.Realtime && scan.Get(words, "session") == nil:
		return []abi.Problem{{Path: path + ".translate", Message: "must say session: how the vendor's messages look"}}
	case endpoint != abi.Realtime && scan.Get(words, "session") != nil:
		return []abi.Problem{{Path: path + ".translate.session", Message: "means nothing but for realtime"}}
	case endpoint != abi.Chat && endpoint != abi.Realtime && translated[endpoint] == nil:
		return []abi.Problem{{Path: path + ".translate", Message: "means nothing: this endpoint has OpenAI's words"}}
	case endpoint != abi.Chat && over != nil:
		return []abi.Problem{{Path: path + ".translate.over", Message: "means nothing but for chat"}}
	}
	return nil
}

// of is the profile as it is for a deployment: with each variant laid over it
// that the deployment's model or address asks for, and what its options say of chat.
func (c *codec) of(d *abi.Deployment) []byte {
	profile := c.profile
	elsewhere := d.BaseURL != "" && d.BaseURL != scan.GetString(c.profile, "base_url")
	scan.Elements(scan.Get(c.profile, "variants"), func(_ int, v []byte) bool {
		if applies(scan.Get(v, "when"), d.Model, elsewhere) {
			profile = scan.Merge(nil, profile, scan.Get(v, "then"))
		}
		return true
	})
	if scan.Get(d.Options, chatOver) != nil {
		profile = scan.Merge(nil, profile, overResponses(profile))
	}
	return profile
}

// applies reports whether all that a condition names is so.
func applies(when []byte, model string, elsewhere bool) bool {
	if want, ok := scan.Bool(scan.Get(when, "elsewhere")); ok && want != elsewhere {
		return false
	}
	models := texts(scan.Get(when, "models"))
	return len(models) == 0 || anyFits(models, model)
}

// anyFits reports whether one of the patterns is that of the model.
func anyFits(patterns []string, model string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return fits(lower(pattern), lower(model)) })
}

// fits reports whether name is what the pattern says, in which * stands for any
// text.
func fits(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	if !star {
		return name == ""
	}
	for ; !fits(rest, name); name = name[1:] {
		if name == "" {
			return false
		}
	}
	return true
}

// texts are the strings of an array.
func texts(raw []byte) (list []string) {
	scan.Elements(raw, func(_ int, v []byte) bool {
		s, _ := scan.String(v)
		list = append(list, s)
		return true
	})
	return list
}

// readEdits are the edits of an array, in their order.
func readEdits(raw []byte) (edits []abi.Edit) {
	scan.Elements(raw, func(_ int, v []byte) bool {
		edits = append(edits, abi.Edit{Op: abi.EditOp(scan.GetString(v, "op")), Key: scan.GetString(v, "key"),
			To: scan.GetString(v, "to"), Value: scan.Get(v, "value"), Where: scan.Get(v, "where")})
		return true
	})
	return edits
}

// readUsage are the paths of usage, under the names that they have in a plan.
func readUsage(raw []byte) (u abi.UsagePaths) {
	for name, list := range map[string]*[]string{
		"input": &u.Input, "cache_read": &u.CacheRead, "cache_write_5m": &u.CacheWrite5m, "cache_write_1h": &u.CacheWrite1h,
		"output": &u.Output, "reasoning": &u.Reasoning, "audio_input": &u.AudioInput, "audio_output": &u.AudioOutput,
		"image_input": &u.ImageInput, "image_output": &u.ImageOutput,
		"audio_cache_read": &u.AudioCached, "image_cache_read": &u.ImageCached, "searches": &u.Searches, "images": &u.Images,
		"seconds": &u.Seconds, "characters": &u.Characters, "input_includes": &u.InputIncludes,
		"output_includes": &u.OutputIncludes, "output_excludes": &u.OutputExcludes,
		"cache_write_5m_includes": &u.CacheWrite5mIncludes, "service": &u.Service, "model": &u.Model,
	} {
		*list = texts(scan.Get(raw, name))
	}
	return u
}
