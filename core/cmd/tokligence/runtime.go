package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// runtime is Main as the admin API sees it.
type runtime Main

// Models lists the aliases by name.
func (r *runtime) Models() []adminapi.ModelInfo {
	now := time.Now()
	list := []adminapi.ModelInfo{}
	for _, route := range r.exchanger.Snapshot().Routes {
		info := adminapi.ModelInfo{Name: route.Name, Strategy: route.Strategy, Fallbacks: route.Fallbacks, Guardrails: route.Guardrails}
		for _, t := range route.Targets {
			info.Deployments = append(info.Deployments, deploymentInfo(t, now))
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b adminapi.ModelInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func deploymentInfo(t *exchange.Target, now time.Time) adminapi.DeploymentInfo {
	h := t.State.Health(now)
	d := adminapi.DeploymentInfo{Name: t.Deployment.Name, Provider: t.Deployment.Provider, Model: t.Deployment.Model,
		State: "ready", LatencyMS: h.LatencyMS, InFlight: h.InFlight, Priced: t.Price != nil}
	switch {
	case t.NotConfigured != "":
		d.State, d.Why = "not configured", t.NotConfigured
	case !h.CoolingUntil.IsZero():
		d.State, d.Why, d.CoolingUntil = "cooling", h.LastError, &h.CoolingUntil
	}
	return d
}

// Plugins lists what the configuration declares.
func (r *runtime) Plugins() []adminapi.PluginInfo {
	list := []adminapi.PluginInfo{}
	for _, p := range r.current.Load().Plugins() {
		info := adminapi.PluginInfo{ID: p.ID, Source: p.Source, State: "unused"}
		for _, l := range r.loader.Loaded() {
			if l.Declaration.ID != p.ID {
				continue
			}
			s := l.Plugin.Stats()
			info.State, info.Name, info.Version, info.Kind, info.SHA256 = "running", l.Manifest.Name, l.Manifest.Version, string(l.Manifest.Kind), l.SHA256
			info.Calls, info.Faults, info.Instances = info.Calls+s.Calls, info.Faults+s.Faults, info.Instances+s.Instances
			if s.LastFault != "" {
				info.LastFault = s.LastFault
			}
		}
		list = append(list, info)
	}
	return list
}

// TestModel asks the alias for a word, as a request of its own in the ledger.
func (r *runtime) TestModel(ctx context.Context, name string) (*adminapi.TestResult, error) {
	if r.exchanger.Snapshot().Routes[name] == nil {
		return nil, core.Errorf(core.CodeNotFound, core.SourceClient, "there is no model %q", name)
	}
	now := time.Now()
	body := append(scan.AppendString([]byte(`{"model":`), name), `,"max_tokens":16,"messages":[{"role":"user","content":"Say OK."}]}`...)
	p := &core.Principal{Key: &core.VirtualKey{ID: "test", Name: "models test", AllModels: true}}
	var c capture
	r.exchanger.Do(ctx, p, &exchange.Request{Endpoint: abi.Chat, Body: body, Arrived: now, Header: func(string) string { return "" }}, &c)
	res := &adminapi.TestResult{OK: c.status == http.StatusOK, Status: c.status, Deployment: c.head.Deployment, LatencyMS: time.Since(now).Milliseconds()}
	if res.Message = scan.GetString(c.body, "error", "message"); res.OK {
		scan.Elements(scan.Get(c.body, "choices"), func(_ int, choice []byte) bool {
			res.Message = scan.GetString(choice, "message", "content")
			return false
		})
	}
	return res, nil
}

// capture is a reply that keeps the answer.
type capture struct {
	status int
	head   exchange.Head
	body   []byte
}

func (c *capture) Whole(status int, h *exchange.Head, body []byte) error {
	c.status, c.head, c.body = status, *h, body
	return nil
}
func (c *capture) Start(*exchange.Head) error { c.status = http.StatusOK; return nil }
func (c *capture) Write([]byte) error         { return nil }
func (c *capture) Flush() error               { return nil }
