// Package config reads gateway.toml: one table of fields (see spec.go) says what
// may stand in it, with types, defaults and words; loading reports every fault
// of all files at once, each with key path, file and line.
package config

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/seal"
)

// Config is a configuration without faults. It is immutable.
//
// It holds secrets (credentials, configurations of plugins), so it prints and
// marshals as its path only.
type Config struct {
	Path      string // of the main file, as given
	Server    Server
	Storage   Storage
	Security  Security
	Ledger    Ledger
	Events    Events
	SMTP      SMTP
	Responses Responses
	Routing   Routing
	SignIn    SignIn

	plugins     []Plugin
	credentials []*core.Credential
	deployments []core.Deployment
	models      []core.Model
	modelGroups []core.ModelGroup
	guardrails  []core.GuardrailAttachment
	jwts        []JWT
	places      map[string]place
	written     []written // as it stands in the files, and as it was made by API
	behind      []string  // the values that references led to: no problem quotes one
	followed    map[string]Digest
}

// Server is [server]: the listener.
type Server struct {
	Listen         string         // "127.0.0.1:8080"
	PublicURL      string         // where browsers find it; "" is unknown
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	MaxBody        int64          // bytes of a request's body
	TLSCert        string         // path of a PEM file; "" serves plain HTTP
	TLSKey         string
	DrainTimeout   time.Duration // how long a stopping gateway waits for running exchanges
}

// Storage is [storage].
type Storage struct {
	URL string // "sqlite://data/tokligence.db"; a relative path is relative to the working directory
}

// Security is [security]. It prints without secrets.
type Security struct {
	EncryptionKey *seal.Key   // seals secrets in the store; nil when not given
	PreviousKeys  []*seal.Key // open what was sealed before the key was changed
	// Reach is what is permitted of private addresses, whoever names them.
	Reach reach.Policy
}

// Ledger is [ledger].
type Ledger struct {
	Durability Durability
	Unpriced   Unpriced
	// DefaultMaxOutput is the output cap, in tokens, of requests under a budget that have none.
	DefaultMaxOutput int64
}

// Durability says when an answer's last byte may leave.
type Durability string

// The durabilities: after its ledger entry is committed, or before.
const (
	DurabilityCommit  Durability = "commit"
	DurabilityRelaxed Durability = "relaxed"
)

// Unpriced says what becomes of a model without a price.
type Unpriced string

// The policies: refuse where a budget applies, or allow and flag the entry.
const (
	UnpricedRefuse Unpriced = "refuse"
	UnpricedAllow  Unpriced = "allow"
)

// Routing is [routing]: what holds for every route.
type Routing struct {
	Cooldown time.Duration // how long a failing deployment is skipped at first
}

// Plugin is one [[plugin]]: a file and what it is granted. It may hold secrets,
// so it prints as its id only.
type Plugin struct {
	ID         string          // kind.name: "provider.anthropic"
	Source     string          // "builtin:anthropic", or a path (absolute, or relative to the working directory)
	Carrier    Carrier         // "" lets the file decide
	SHA256     string          // lower-case hex; "" is not pinned
	Memory     int64           // bytes of one instance
	Timeout    time.Duration   // of one call
	AllowHosts []string        // hosts that its HTTP effects may reach
	Credential string          // whose fields its HTTP effects may carry there; "" is none
	Config     json.RawMessage // [plugin.config] as a JSON object; {} when absent
}

// Carrier is how a plugin's file is run, where the file does not tell.
type Carrier string

// The carriers that can be asked for.
const (
	CarrierWasm    Carrier = "wasm"
	CarrierProcess Carrier = "process"
)

// String is the id.
func (p Plugin) String() string { return "plugin " + p.ID }

// GoString is String, so that %#v leaks nothing either.
func (p Plugin) GoString() string { return p.String() }

// MarshalJSON writes everything but the configuration.
func (p Plugin) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID         string   `json:"id"`
		Source     string   `json:"source"`
		SHA256     string   `json:"sha256,omitempty"`
		AllowHosts []string `json:"allow_hosts,omitempty"`
	}{p.ID, p.Source, p.SHA256, p.AllowHosts})
}

// String is the path of the main file.
func (c Config) String() string { return "config " + c.Path }

// GoString is String, so that %#v leaks nothing either.
func (c Config) GoString() string { return c.String() }

// MarshalJSON writes the path of the main file.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// Plugins returns the declared plugins in the order of the files.
func (c *Config) Plugins() []Plugin { return c.plugins }

// Credentials returns the credentials by name. Those with Missing fields make
// their deployments "not configured".
func (c *Config) Credentials() map[string]*core.Credential {
	m := make(map[string]*core.Credential, len(c.credentials))
	for _, cr := range c.credentials {
		m[cr.Name] = cr
	}
	return m
}

// Deployments returns the deployments in the order of the files.
func (c *Config) Deployments() []core.Deployment { return c.deployments }

// Models returns the aliases in the order of the files.
func (c *Config) Models() []core.Model { return c.models }

// ModelGroups returns the groups in the order of the files; they have no ids.
func (c *Config) ModelGroups() []core.ModelGroup { return c.modelGroups }

// Guardrails returns the attachments in the order of the files, which is the
// order they run in.
func (c *Config) Guardrails() []core.GuardrailAttachment { return c.guardrails }

// Problem makes a problem at path ("plugin[guardrail.rules].config.words[2]"),
// for faults that only others can see, such as a plugin's own objections. Its
// line is that of the nearest part of the path that stands in a file.
func (c *Config) Problem(path, message string) Problem {
	p := Problem{Path: core.MaskSecrets(path, c.behind...), File: c.Path, Message: core.MaskSecrets(message, c.behind...)}
	object, _, _ := strings.Cut(path, ".")
	if end := strings.IndexByte(path, ']'); strings.Contains(object, "[") && end > 0 {
		object = path[:end+1]
	}
	if at, ok := c.places[object]; ok {
		at.index += path[len(object):]
		p.File, p.Line = at.src.name, at.line()
	}
	return p
}
