package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/exchange"
)

// runtime is Main as the admin API sees it.
type runtime Main

// Models lists the aliases by name.
func (r *runtime) Models() []adminapi.ModelInfo {
	now := time.Now()
	list := []adminapi.ModelInfo{}
	origins := map[string]core.Origin{}
	for _, o := range r.revisions.Objects(core.ObjectModel) {
		origins[o.Name] = o.Origin
	}
	for _, route := range r.exchanger.Snapshot().Routes {
		info := adminapi.ModelInfo{Name: route.Name, Origin: cmp.Or(origins[route.Name], core.OriginFile), OrganizationID: route.Owner.OrganizationID, TeamID: route.Owner.TeamID, Strategy: route.Strategy, Fallbacks: route.Fallbacks, Guardrails: route.Guardrails}
		for _, t := range route.Targets {
			info.Deployments = append(info.Deployments, deploymentInfo(t, now))
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b adminapi.ModelInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// fileGroup finds a model group of the configuration in force.
func (m *Main) fileGroup(name string) ([]string, bool) {
	for _, g := range m.revisions.Config().ModelGroups() {
		if g.Name == name {
			return g.Models, true
		}
	}
	return nil, false
}

// Guardrails lists the names of the configuration's attachments.
func (r *runtime) Guardrails() (names []string) {
	for _, g := range r.revisions.Config().Guardrails() {
		names = append(names, g.Name)
	}
	return names
}

// ModelGroups lists the configuration's.
func (r *runtime) ModelGroups() []core.ModelGroup {
	return slices.Clone(r.revisions.Config().ModelGroups())
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
	for _, p := range r.revisions.Config().Plugins() {
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
