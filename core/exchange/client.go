package exchange

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// heed applies the key's policies on what a client says of itself: its own user
// and the body's metadata. Nothing else that a client sends says whose a request
// is or who pays for it.
func (r *run) heed() *core.Error {
	if err := r.endUser(r.principal.Key.EndUser); err != nil {
		return err
	}
	return r.metadata(r.principal.Key.Metadata)
}

// endUser finds the client's own user where the policy says; nil leaves the body's.
func (r *run) endUser(p *core.EndUserPolicy) *core.Error {
	if p == nil {
		return nil
	}
	body := r.facts.user
	r.facts.user = p.Fixed
	for _, from := range p.From {
		switch from {
		case core.EndUserBody:
			r.facts.user = body
		case core.EndUserHeader:
			name := p.Header
			if name == "" {
				name = core.DefaultEndUserHeader
			}
			r.facts.user = r.req.Header(name)
		case core.EndUserMetadata:
			r.facts.user = scan.GetString(r.body.Get("metadata"), "user_id")
		}
		if r.facts.user != "" {
			return nil
		}
	}
	if p.Required {
		return core.Invalid("user", "this key's requests must name the user whom they are made for (%s)", strings.Join(p.From, ", "))
	}
	return nil
}

// metadata holds the body's metadata to the policy and makes tags of it.
func (r *run) metadata(p *core.MetadataPolicy) *core.Error {
	if p == nil {
		return nil
	}
	text := r.body.Get("metadata")
	if !scan.IsNull(text) && scan.Kind(text) != '{' {
		return core.Invalid("metadata", "metadata must be an object")
	}
	var err *core.Error
	given := map[string]string{}
	seen := map[string]bool{}
	if scan.Kind(text) == '{' {
		scan.Members(text, func(key, value []byte) bool {
			name := string(key)
			switch {
			case p.Allowed != nil && !slices.Contains(p.Allowed, name):
				err = core.Invalid("metadata", "this key's requests may not have metadata.%s", name)
			case seen[name]:
				err = core.Invalid("metadata", "metadata.%s stands twice", name)
			}
			seen[name] = true
			given[name], _ = scan.String(value)
			return err == nil
		})
	}
	if err != nil {
		return err
	}
	for _, name := range p.Required {
		if given[name] == "" {
			return core.Invalid("metadata", "this key's requests must have a text as metadata.%s", name)
		}
	}
	for _, name := range p.Tags {
		if v := given[name]; v != "" {
			r.tags = append(r.tags[:len(r.tags):len(r.tags)], name+":"+core.MaskSecrets(v))
		}
	}
	return nil
}
