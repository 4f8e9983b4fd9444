package config

import (
	"encoding/json"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

var serverFields = []field[Server]{
	text("listen", `"127.0.0.1:8080"`, "address and port to listen on",
		func(s *Server) *string { return &s.Listen }, isListen),
	text("public_url", `""`, "address that people's browsers know, with the path below which it is; for links and for sign-in",
		func(s *Server) *string { return &s.PublicURL }, isPublicURL),
	{
		Field: Field{Name: "trusted_proxies", Type: "list of strings", Default: "[]",
			Doc: "addresses and networks of the proxies in front, whose X-Forwarded-For is believed"},
		set: setProxies,
	},
	size("max_body", `"64MiB"`, "largest request body",
		func(s *Server) *int64 { return &s.MaxBody }, positive[int64]),
	path("tls_cert", "PEM file with the certificate chain; empty serves plain HTTP",
		func(s *Server) *string { return &s.TLSCert }),
	path("tls_key", "PEM file with the certificate's private key",
		func(s *Server) *string { return &s.TLSKey }),
	duration("drain_timeout", `"30s"`, "how long a stopping gateway waits for running exchanges",
		func(s *Server) *time.Duration { return &s.DrainTimeout }),
}

var storageFields = []field[Storage]{
	text("url", `"sqlite://data/tokligence.db"`, "database: sqlite:// and a path, which may start in the working directory, or postgres://user:password@host:port/name",
		func(s *Storage) *string { return &s.URL }, isStorageURL),
}

var securityFields = []field[Security]{
	{
		Field: Field{Name: "encryption_key", Type: "env:NAME or file:PATH", Default: `""`,
			Doc: "32 random bytes in base64 or hex, for secrets in the database; empty makes a key file beside a SQLite database"},
		set: setEncryptionKey,
	},
	{
		Field: Field{Name: "previous_keys", Type: "list of env:NAME or file:PATH", Default: "[]",
			Doc: "earlier encryption keys, until `tokligence encryption reseal` is done"},
		set: setPreviousKeys,
	},
	{
		Field: Field{Name: "allow_private_hosts", Type: "list of strings", Default: "[]",
			Doc: `host names ("*.internal" with all below), addresses and networks of one's own network that may be called, whoever names them`},
		set: setReach,
	},
}

var ledgerFields = []field[Ledger]{
	choice("durability", `"commit"`, "commit: an answer's last byte leaves after its ledger entry is stored; relaxed: before",
		[]string{string(DurabilityCommit), string(DurabilityRelaxed)},
		func(l *Ledger, s string) { l.Durability = Durability(s) }),
	choice("unpriced", `"refuse"`, "models without a price: refuse them where a budget applies, or allow them and flag the entry",
		[]string{string(UnpricedRefuse), string(UnpricedAllow)},
		func(l *Ledger, s string) { l.Unpriced = Unpriced(s) }),
	whole("default_max_output", "16384", "output cap in tokens for requests under a budget that have none of their own",
		func(l *Ledger) *int64 { return &l.DefaultMaxOutput }, positive[int64]),
}

var routingFields = []field[Routing]{
	duration("cooldown", `"5s"`, "how long a failing deployment is skipped",
		func(r *Routing) *time.Duration { return &r.Cooldown }),
}

var pluginFields = []field[Plugin]{
	required(text("id", "", "kind.name, as the plugin calls itself",
		func(p *Plugin) *string { return &p.ID }, isPluginID)),
	required(text("source", "", "builtin:NAME, or the path of a .wasm file or an executable",
		func(p *Plugin) *string { return &p.Source }, isSource)),
	choice("carrier", `""`, "how the file is run; empty lets the file decide, process runs an executable",
		[]string{"", string(CarrierWasm), string(CarrierProcess)},
		func(p *Plugin, s string) { p.Carrier = Carrier(s) }),
	text("sha256", `""`, "the file's SHA-256 in hex; another file is refused",
		func(p *Plugin) *string { return &p.SHA256 }, isSHA256),
	size("memory", `"64MiB"`, "memory of one instance",
		func(p *Plugin) *int64 { return &p.Memory }, positive[int64]),
	duration("timeout", `"250ms"`, "longest single call; as long again for each 64 KiB of its input",
		func(p *Plugin) *time.Duration { return &p.Timeout }, positive[time.Duration]),
	texts("allow_hosts", "hosts that the plugin's HTTP requests may reach",
		func(p *Plugin) *[]string { return &p.AllowHosts }, areHosts),
	text("credential", `""`, "name of a credential that its HTTP requests may carry, without its seeing it",
		func(p *Plugin) *string { return &p.Credential }),
	object("config", "the plugin's own settings; see its README. Of a guardrail: what its attachments start from",
		func(p *Plugin) *json.RawMessage { return &p.Config }),
}

var credentialFields = []field[core.Credential]{
	named("name of the credential", func(c *core.Credential) *string { return &c.Name }),
	required(text("provider", "", "plugin id of the provider, or of the guardrail, that it is for",
		func(c *core.Credential) *string { return &c.Provider }, notEmpty)),
}

var deploymentFields = []field[core.Deployment]{
	named("name of the deployment", func(d *core.Deployment) *string { return &d.Name }),
	required(text("provider", "", "plugin id of the provider",
		func(d *core.Deployment) *string { return &d.Provider }, notEmpty)),
	required(text("model", "", "the provider's name for the model",
		func(d *core.Deployment) *string { return &d.Model }, notEmpty)),
	text("credential", `""`, "name of a credential; empty for providers that need none",
		func(d *core.Deployment) *string { return &d.Credential }),
	text("base_url", `""`, "endpoint; empty is the provider's own",
		func(d *core.Deployment) *string { return &d.BaseURL }),
	boolean("allow_private", "false", "permit a base_url at a loopback or private address",
		func(d *core.Deployment) *bool { return &d.AllowPrivate }),
	number("weight", "1", "share of the requests among deployments of equal priority",
		func(d *core.Deployment) *float64 { return &d.Weight }, notNegative[float64]),
	small("priority", "1", "lower is tried first, by strategies that look at it",
		func(d *core.Deployment) *int { return &d.Priority }),
	whole("rpm", "0", "requests a minute; 0 is no limit",
		func(d *core.Deployment) *int64 { return &d.Limits.RPM }, notNegative[int64]),
	whole("tpm", "0", "input and output tokens a minute; 0 is no limit",
		func(d *core.Deployment) *int64 { return &d.Limits.TPM }, notNegative[int64]),
	whole("parallel", "0", "exchanges at the same time; 0 is no limit",
		func(d *core.Deployment) *int64 { return &d.Limits.Parallel }, notNegative[int64]),
	duration("timeout", `"10m"`, "longest wait for a whole answer; 0s is for ever",
		func(d *core.Deployment) *time.Duration { return &d.Timeouts.Total }),
	duration("first_token_timeout", `"5m"`, "longest wait for a stream's first content; 0s is for ever",
		func(d *core.Deployment) *time.Duration { return &d.Timeouts.FirstToken }),
	duration("stream_idle_timeout", `"60s"`, "longest silence between two events of a stream; 0s is for ever",
		func(d *core.Deployment) *time.Duration { return &d.Timeouts.StreamIdle }),
	small("retries", "0", "more tries at this deployment after a failure that may pass",
		func(d *core.Deployment) *int { return &d.Retries }),
	texts("tags", "labels that strategies may look at",
		func(d *core.Deployment) *[]string { return &d.Tags }),
	texts("drop_params", "request members to leave out when the model does not know them, instead of refusing",
		func(d *core.Deployment) *[]string { return &d.DropParams }),
	{
		Field: Field{Name: "price", Type: "table", Doc: "overrides the price book; see the prices below"},
		set:   setPrice,
	},
	text("price_model", `""`, "look the price up under this model name instead",
		func(d *core.Deployment) *string { return &d.PriceModel }),
	object("options", "the provider's own settings of this deployment; see the plugin's README",
		func(d *core.Deployment) *json.RawMessage { return &d.Options }),
}

var modelFields = []field[core.Model]{
	named("what clients write as model", func(m *core.Model) *string { return &m.Name }),
	required(texts("deployments", "names of the deployments that serve it",
		func(m *core.Model) *[]string { return &m.Deployments })),
	text("strategy", `"strategy.weighted"`, "plugin id of the strategy that orders the deployments",
		func(m *core.Model) *string { return &m.Strategy }),
	texts("fallbacks", "aliases to go on with when every deployment failed",
		func(m *core.Model) *[]string { return &m.Fallbacks }),
	texts("context_window_fallbacks", "aliases to go on with when the input is too long",
		func(m *core.Model) *[]string { return &m.ContextWindowFallbacks }),
	texts("content_policy_fallbacks", "aliases to go on with when the provider refuses the content",
		func(m *core.Model) *[]string { return &m.ContentPolicyFallbacks }),
	texts("guardrails", "names of the guardrails of this alias, besides those that are everywhere",
		func(m *core.Model) *[]string { return &m.Guardrails }),
}

var modelGroupFields = []field[core.ModelGroup]{
	named("name of the group", func(g *core.ModelGroup) *string { return &g.Name }),
	required(texts("models", "aliases; an empty list allows nothing",
		func(g *core.ModelGroup) *[]string { return &g.Models })),
}

var stages = []string{string(abi.StageInput), string(abi.StageOutput), string(abi.StageStream)}

var guardrailFields = []field[core.GuardrailAttachment]{
	named("name of the attachment", func(g *core.GuardrailAttachment) *string { return &g.Name }),
	required(text("plugin", "", "plugin id of the guardrail",
		func(g *core.GuardrailAttachment) *string { return &g.Plugin }, notEmpty)),
	withDefault(`["input", "output", "stream"]`, texts("stages", "where it looks: input, output (whole answers), stream (answers as they come)",
		func(g *core.GuardrailAttachment) *[]string { return &g.Stages }, areStages)),
	choice("mode", `"enforce"`, "monitor records what it finds and changes nothing",
		[]string{"enforce", "monitor"},
		func(g *core.GuardrailAttachment, s string) { g.Monitor = s == "monitor" }),
	choice("on_failure", `"closed"`, "a guardrail that fails stops the exchange (closed) or lets it pass (open)",
		[]string{"closed", "open"},
		func(g *core.GuardrailAttachment, s string) { g.FailOpen = s == "open" }),
	choice("media", `"allow"`, "pictures, recordings and files, which no guardrail can read, pass unseen (allow), or requests with them are refused (refuse)",
		[]string{"allow", "refuse"},
		func(g *core.GuardrailAttachment, s string) { g.RefuseMedia = s == "refuse" }),
	boolean("everywhere", "false", "applies to every alias",
		func(g *core.GuardrailAttachment) *bool { return &g.Everywhere }),
	object("config", "settings of the plugin for this attachment, over those of [plugin.config]; see its README",
		func(g *core.GuardrailAttachment) *json.RawMessage { return &g.Config }),
}
