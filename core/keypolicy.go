package core

import (
	"slices"
	"strconv"
	"strings"
)

// The places where a client may name its own user.
const (
	EndUserBody     = "body"     // user, or metadata.user_id of Anthropic's dialect
	EndUserHeader   = "header"   // see EndUserPolicy.Header
	EndUserMetadata = "metadata" // metadata.user_id, in every dialect
)

// DefaultEndUserHeader names the end user where a policy names no other header.
const DefaultEndUserHeader = "x-tokligence-end-user"

// EndUserPolicy says whose word names the end user of a key's requests: a label of
// ledger entries, which never selects a payer. Without a policy it is the body's.
type EndUserPolicy struct {
	From     []string `json:"from,omitempty"`     // places, the first that names one counts
	Header   string   `json:"header,omitempty"`   // in lower case; "" is DefaultEndUserHeader
	Required bool     `json:"required,omitempty"` // a request without one is refused
	Fixed    string   `json:"fixed,omitempty"`    // of all requests, whatever they say
}

// Check is CodeInvalidRequest at the member.
func (p *EndUserPolicy) Check() error {
	for i, from := range p.From {
		at := "end_user.from[" + strconv.Itoa(i) + "]"
		if from != EndUserBody && from != EndUserHeader && from != EndUserMetadata {
			return Invalid(at, "%q is not one of body, header, metadata", from)
		}
		if slices.Contains(p.From[:i], from) {
			return Invalid(at, "%q is in the list twice", from)
		}
	}
	switch {
	case p.Header != "" && (len(p.Header) > 64 || strings.Trim(p.Header, "abcdefghijklmnopqrstuvwxyz0123456789-_") != ""):
		return Invalid("end_user.header", "must be a header's name in lower case")
	case p.Header == "authorization" || p.Header == "cookie" || strings.HasSuffix(p.Header, "api-key"):
		return Invalid("end_user.header", "must be none that holds a secret")
	case p.Header != "" && !slices.Contains(p.From, EndUserHeader):
		return Invalid("end_user.header", "means nothing while from has no %q", EndUserHeader)
	case p.Fixed != "" && (len(p.From) > 0 || p.Required):
		return Invalid("end_user.fixed", "and from or required exclude each other")
	case p.Fixed == "" && len(p.From) == 0:
		return Invalid("end_user.from", "must name a place, or fixed the user")
	case len(p.Fixed) > 256:
		return Invalid("end_user.fixed", "must not be longer than 256 bytes")
	}
	return nil
}

// MetadataPolicy says what the body's member metadata may be for a key's
// requests. It is passed on as it is, and selects nothing here.
type MetadataPolicy struct {
	Allowed  []string `json:"allowed" api:"null"` // names that it may have; nil: any, empty: none
	Required []string `json:"required,omitempty"` // names that must have a text
	Tags     []string `json:"tags,omitempty"`     // names whose text becomes a tag of the ledger entry: "name:text"
}

// Check is CodeInvalidRequest at the member.
func (p *MetadataPolicy) Check() error {
	for member, names := range map[string][]string{"allowed": p.Allowed, "required": p.Required, "tags": p.Tags} {
		if len(names) > 64 {
			return Invalid("metadata."+member, "must not have more than 64 entries")
		}
		for i, name := range names {
			at := "metadata." + member + "[" + strconv.Itoa(i) + "]"
			if name == "" || len(name) > 64 {
				return Invalid(at, "must be 1 to 64 bytes")
			}
			if member != "allowed" && p.Allowed != nil && !slices.Contains(p.Allowed, name) {
				return Invalid(at, "%q is not among those that are allowed", name)
			}
		}
	}
	return nil
}
