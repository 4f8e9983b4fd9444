package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/extismhost"
	"github.com/tokligence/gateway/core/plugin/prochost"
	"github.com/tokligence/gateway/core/plugin/wasmhost"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins"
)

func carriers() map[string]plugin.Carrier {
	return map[string]plugin.Carrier{"wasm": wasmhost.New(), "extism": extismhost.New(), "process": prochost.New()}
}

// newLoader makes a loader with all carriers and the plugins in the binary.
func newLoader(log *slog.Logger, cacheDir string) *plugin.Loader {
	return plugin.NewLoader(plugin.Options{
		Carriers: carriers(),
		Builtins: plugins.Builtin(),
		CacheDir: cacheDir,
		Log: func(id, level, message string) {
			var l slog.Level
			if l.UnmarshalText([]byte(level)) != nil {
				l = slog.LevelInfo
			}
			log.Log(context.Background(), l, message, "plugin", id)
		},
	})
}

// fetcher performs HTTP effects for plugins, to the hosts granted to them.
type fetcher struct {
	client  upstream.Client
	plugins []config.Plugin
}

// fetchTimeout bounds one effect, fetchLimit its answer's bytes.
const (
	fetchTimeout = 10 * time.Second
	fetchLimit   = 1 << 20
)

// Fetch sends the request; what goes wrong is told to the plugin.
func (f *fetcher) Fetch(ctx context.Context, id string, r *abi.HTTPRequest) *abi.HTTPResponse {
	resp, err := f.fetch(ctx, id, r)
	if err != nil {
		return &abi.HTTPResponse{Error: core.AsError(err).Message}
	}
	return resp
}

var errNotGranted = errors.New("the host is not granted to the plugin")

func (f *fetcher) fetch(ctx context.Context, id string, r *abi.HTTPRequest) (*abi.HTTPResponse, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	granted := slices.ContainsFunc(f.plugins, func(p config.Plugin) bool { return p.ID == id && slices.Contains(p.AllowHosts, u.Hostname()) })
	if !granted || u.Scheme != "https" {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourcePlugin, "%v", errNotGranted)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req := &upstream.Request{Method: r.Method, URL: r.URL, Body: []byte(r.Body), HeadTimeout: fetchTimeout}
	for name, value := range r.Headers {
		req.Headers = append(req.Headers, upstream.Header{Name: strings.ToLower(name), Value: value})
	}
	resp, err := f.client.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := upstream.ReadAll(resp, fetchLimit)
	if err != nil {
		return nil, err
	}
	return &abi.HTTPResponse{Status: resp.Status, Headers: abi.Headers{"content-type": resp.Get("content-type")}, Body: string(body)}, nil
}
