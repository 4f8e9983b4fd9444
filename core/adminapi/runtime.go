package adminapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/tokligence/gateway/core"
)

// Runtime tells what the gateway runs right now.
type Runtime interface {
	Models() []ModelInfo
	Guardrails() []string           // names of those that the configuration has
	ModelGroups() []core.ModelGroup // of the configuration: name and models
	Plugins() []PluginInfo
	// TestModel sends one small request through the alias as the principal, at its
	// cost and on its budget; the entry bears TestTag. A missing alias is a
	// *core.Error with CodeNotFound; a failing one is told in the result.
	TestModel(ctx context.Context, who *core.Principal, name string) (*TestResult, error)
}

// TestTag marks the ledger entries of tests.
const TestTag = "models-test"

// ModelInfo is an alias with its deployments.
type ModelInfo struct {
	Name   string      `json:"name"`
	Origin core.Origin `json:"origin"`

	OrganizationID string `json:"organization_id,omitempty"` // whose keys alone may call it
	TeamID         string `json:"team_id,omitempty"`

	Strategy    string           `json:"strategy"`
	Fallbacks   []string         `json:"fallbacks,omitempty"`
	Guardrails  []string         `json:"guardrails,omitempty"`
	Deployments []DeploymentInfo `json:"deployments"`
}

// DeploymentInfo is a deployment and how it is.
type DeploymentInfo struct {
	Name         string     `json:"name"`
	Provider     string     `json:"provider"`
	Model        string     `json:"model"`
	State        string     `json:"state"` // ready, cooling, not configured
	Why          string     `json:"why,omitempty"`
	CoolingUntil *time.Time `json:"cooling_until,omitempty"`
	LatencyMS    float64    `json:"latency_ms,omitempty"` // moving average
	InFlight     int64      `json:"in_flight"`
	Priced       bool       `json:"priced"`
}

// PluginInfo is a declared plugin; its counters are there when something uses it.
type PluginInfo struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	State     string `json:"state"` // running, unused
	Name      string `json:"name,omitempty"`
	Version   string `json:"version,omitempty"`
	Kind      string `json:"kind,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Calls     uint64 `json:"calls"`
	Faults    uint64 `json:"faults"`
	Instances int    `json:"instances"`
	LastFault string `json:"last_fault,omitempty"`
}

// TestResult is what came of a test call.
type TestResult struct {
	OK         bool   `json:"ok"`
	Status     int    `json:"status"`
	Message    string `json:"message"`
	Endpoint   string `json:"endpoint"` // the one that the alias is for: chat, embeddings, images
	Deployment string `json:"deployment,omitempty"`
	LatencyMS  int64  `json:"latency_ms"`
}

func (a *api) listModels(c *call) error {
	reach := c.caller.reach(models)
	list := slices.DeleteFunc(a.Runtime.Models(), func(m ModelInfo) bool {
		return !reach.Covers(core.Place{OrganizationID: m.OrganizationID, TeamID: m.TeamID})
	})
	return writeNamed(c, list, func(m ModelInfo) string { return m.Name })
}

func (a *api) listPlugins(c *call) error {
	return writeNamed(c, a.Runtime.Plugins(), func(p PluginInfo) string { return p.ID })
}

// writeNamed answers with the page that is asked for out of all there is.
func writeNamed[T any](c *call, all []T, name func(T) string) error {
	q := c.query()
	p := q.page()
	if q.err != nil {
		return q.err
	}
	all, next := pageOf(all, p, name)
	return writeList(c, all, next)
}

func (a *api) testModel(c *call) error {
	who := c.who
	if u := c.caller.user; u != nil {
		var err error
		if who, err = a.Keys.Person(c.ctx(), core.Named{ID: u.ID, Name: u.Name}); err != nil {
			return err
		}
	}
	r, err := a.Runtime.TestModel(c.ctx(), who, c.path("name"))
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, r)
}
