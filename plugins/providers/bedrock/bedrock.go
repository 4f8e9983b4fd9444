package main

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.bedrock", Name: "Amazon Bedrock", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version,
			Description: "Chat completions of any model that Bedrock's Converse API serves, embeddings, reranking and pictures.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
			Credential: []abi.CredentialField{
				{Name: "access_key_id", Description: "AWS access key, for requests signed with Signature Version 4.", Optional: true},
				{Name: "secret_access_key", Description: "Its secret.", Optional: true},
				{Name: "session_token", Description: "Session token of temporary credentials.", Optional: true},
				{Name: "shared_credentials", Description: "Text of a shared credentials file, in place of the keys: file:/home/me/.aws/credentials.", Optional: true},
				{Name: "profile", Description: "Profile in shared_credentials; by default \"default\".", Optional: true},
				{Name: "role_arn", Description: "Role whose temporary keys are asked for, with web_identity_token or with the keys.", Optional: true},
				{Name: "web_identity_token", Description: "Another issuer's token for the role: file:/var/run/secrets/eks.amazonaws.com/serviceaccount/token.", Optional: true},
				{Name: "role_session_name", Description: "Name of the role's session; by default tokligence-gateway.", Optional: true},
				{Name: "external_id", Description: "External id that the role's owner asks for.", Optional: true},
				{Name: "sts_url", Description: "Address of the Security Token Service; by default that of the region.", Optional: true},
				{Name: "api_key", Description: "Bedrock API key, sent as a bearer token instead of a signature.", Optional: true},
			},
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
		DecodeError:  decodeError,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	o, f := readOptions(r.Deployment.Options)
	if f != nil {
		return nil, f.Named()
	}
	if r.Endpoint != abi.Native && !serves(r.Endpoint, r.Deployment.Model) {
		return &abi.PlanReply{Reason: "this model has no " + string(r.Endpoint) + " endpoint on Bedrock"}, nil
	}
	region, base := o.region, r.Deployment.BaseURL
	if region == "" {
		region = regionOf(base)
	}
	p := &abi.PlanReply{
		Supported: true,
		Auth:      abi.Auth{Scheme: abi.AuthSigV4, Service: "bedrock", Region: region},
		Request:   abi.RequestPlan{Mode: abi.Transform, OutputCap: "max_completion_tokens"},
		Response:  abi.ResponsePlan{Mode: abi.Transform},
	}
	if slices.Contains(r.Deployment.CredentialFields, "api_key") {
		p.Auth = abi.Auth{Scheme: abi.AuthBearer}
	}
	if region == "" && (base == "" || p.Auth.Scheme == abi.AuthSigV4) {
		return nil, llm.Refuse("options.region", `is missing: it says where the model runs ("us-east-1")`).Named()
	}
	if base == "" {
		base = endpoint(region)
	}
	if r.Endpoint == abi.Native {
		return &abi.PlanReply{Supported: true, Auth: p.Auth, Native: native(base, r.Deployment.Model)}, nil
	}
	if r.Endpoint == abi.CountTokens {
		p.URL, p.Request.OutputCap = base+"/model/"+llm.Escape(countable(r.Deployment.Model), "")+"/count-tokens", ""
		return p, nil
	}
	p.URL = base + "/model/" + llm.Escape(r.Deployment.Model, "")
	if r.Endpoint != abi.Chat {
		p.URL += "/invoke"
		p.Request.Inline = r.Endpoint == abi.ImageEdits
		p.Request.OutputCap = ""
		return p, nil
	}
	if familyOf(r.Deployment.Model).claude != nil {
		p.Request.Extensions = []string{"citations"}
	}
	if grounds(r.Deployment.Model) {
		p.Request.WebSearch = abi.SearchesBeside
	}
	p.URL += "/converse"
	if r.Stream {
		p.URL += "-stream"
		p.Headers = abi.Headers{"accept": "application/vnd.amazon.eventstream"}
		p.Stream = abi.StreamPlan{Mode: abi.Transform, Framing: abi.FramingAWSEventStream}
	}
	return p, nil
}

// serves reports whether the model answers there. Models whose names tell nothing
// (ARNs of one's own profiles) converse.
func serves(e abi.Endpoint, model string) bool {
	switch embeds, ranks, paints := embedderOf(model) != nil, isReranker(model), painterOf(model); e {
	case abi.Chat:
		return !embeds && !ranks && paints == nil
	case abi.CountTokens:
		return countable(model) != ""
	case abi.Images:
		return paints != nil
	case abi.ImageEdits:
		return paints != nil && paints.edits
	case abi.Embeddings:
		return embeds
	case abi.Rerank:
		return ranks
	}
	return false
}

// endpoint is a region's host; those of China have a domain of their own.
func endpoint(region string) string {
	url := "https://bedrock-runtime." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		url += ".cn"
	}
	return url
}

// regionOf finds the region in an endpoint of AWS, PrivateLink's included; "" when there is none.
func regionOf(base string) string {
	for _, service := range [...]string{"bedrock-runtime.", "bedrock-runtime-fips."} {
		if _, rest, ok := strings.Cut(base, service); ok && strings.Contains(rest, ".amazonaws.com") {
			region, _, _ := strings.Cut(rest, ".")
			return region
		}
	}
	return ""
}

// options are [deployment.options]. Raw objects are nil when absent.
type options struct {
	region                         string
	guardrail, performance, fields []byte
	caching                        *bool
}

func readOptions(raw []byte) (o options, f *llm.Fault) {
	scan.Members(raw, func(key, v []byte) bool {
		name := "options." + string(key)
		switch string(key) {
		case "region":
			if o.region, _ = scan.String(v); !isRegion(o.region) {
				f = llm.Refuse(name, `must be the name of an AWS region ("us-east-1")`)
			}
		case "guardrail_config":
			o.guardrail, f = object(name, v)
		case "performance_config":
			o.performance, f = object(name, v)
		case "additional_model_request_fields":
			o.fields, f = object(name, v)
		case "prompt_caching":
			on, ok := scan.Bool(v)
			if o.caching = &on; !ok {
				f = llm.Refuse(name, "must be true or false")
			}
		default:
			f = llm.Refuse(name, "is unknown; known are region, guardrail_config, performance_config, additional_model_request_fields, prompt_caching")
		}
		return f == nil
	})
	return o, f
}

func isRegion(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

func object(name string, v []byte) ([]byte, *llm.Fault) {
	if scan.Kind(v) != '{' {
		return nil, llm.Refuse(name, "must be an object")
	}
	return v, nil
}
