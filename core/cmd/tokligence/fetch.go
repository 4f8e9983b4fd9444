package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// fetcher performs HTTP effects for plugins, to the hosts granted to them, with
// the credential granted to them.
type fetcher struct {
	client      upstream.Client
	plugins     []config.Plugin
	credentials map[string]*core.Credential
}

// fetchTimeout bounds one effect, fetchLimit its answer's bytes.
const (
	fetchTimeout = 10 * time.Second
	fetchLimit   = 1 << 20
)

// placeholder begins a field of the credential within a header.
const placeholder = "${credential."

// What a plugin may not do; it is told so.
var (
	errNotGranted = errors.New("the host is not granted to the plugin")
	errPlace      = errors.New("a ${credential.NAME} may stand in one header, and nowhere else")
	errHeader     = errors.New("a header is the gateway's own; keys are written as ${credential.NAME}")
)

// Fetch sends the request; what goes wrong is told to the plugin.
func (f *fetcher) Fetch(ctx context.Context, id string, r *abi.HTTPRequest) *abi.HTTPResponse {
	i := slices.IndexFunc(f.plugins, func(p config.Plugin) bool { return p.ID == id })
	if i < 0 {
		return &abi.HTTPResponse{Error: errNotGranted.Error()}
	}
	p := &f.plugins[i]
	req, err := f.request(p, r)
	if err != nil {
		return &abi.HTTPResponse{Error: err.Error()}
	}
	resp, err := f.do(ctx, req)
	if err != nil {
		return &abi.HTTPResponse{Error: core.AsError(err).Message}
	}
	return resp
}

// request is what the plugin may send. The credential is filled in behind it,
// by the client, as for a provider.
func (f *fetcher) request(p *config.Plugin, r *abi.HTTPRequest) (*upstream.Request, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" || !plugin.HostIn(p.AllowHosts, u) {
		return nil, errNotGranted
	}
	if strings.Contains(r.URL, placeholder) || strings.Contains(r.Body, placeholder) {
		return nil, errPlace
	}
	req := &upstream.Request{Method: r.Method, URL: r.URL, Body: []byte(r.Body), HeadTimeout: fetchTimeout}
	for name, value := range r.Headers {
		name = strings.ToLower(name)
		switch filled := strings.Contains(value, placeholder); {
		case filled && req.Auth.Scheme != "":
			return nil, errPlace
		case filled && core.UseOf(name) != core.HeaderReserved:
			req.Auth = abi.Auth{Scheme: abi.AuthHeader, Name: name, Value: value}
			req.Credential = f.credentials[p.Credential]
		case core.UseOf(name) != core.HeaderFree:
			return nil, errHeader
		default:
			req.Headers = append(req.Headers, upstream.Header{Name: name, Value: value})
		}
	}
	return req, nil
}

func (f *fetcher) do(ctx context.Context, req *upstream.Request) (*abi.HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	resp, err := f.client.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := upstream.ReadAll(resp, fetchLimit, nil)
	if err != nil {
		return nil, err
	}
	return &abi.HTTPResponse{Status: resp.Status, Headers: abi.Headers{"content-type": req.Credential.Redact(resp.Get("content-type"), 1)},
		Body: req.Credential.Redact(string(body), 1)}, nil
}
