package config

import (
	"slices"

	"github.com/tokligence/gateway/core"
)

// sections is the table of all that may stand in gateway.toml. Loading, the
// reference and the starter file all come from it.
var sections []section

func init() { // not a literal: the readers of fields refer back to the table
	sections = []section{
		single("server", "The listener.", func(c *Config) *Server { return &c.Server }, serverFields),
		single("storage", "Where keys, budgets and the ledger are kept.", func(c *Config) *Storage { return &c.Storage }, storageFields),
		single("security", "What keeps secrets secret.", func(c *Config) *Security { return &c.Security }, securityFields),
		single("ledger", "How money is recorded.", func(c *Config) *Ledger { return &c.Ledger }, ledgerFields),
		single("events", "What is told to webhooks and by mail.", func(c *Config) *Events { return &c.Events }, eventsFields),
		single("smtp", "The mail server for invites, resets of passwords and alerts.", func(c *Config) *SMTP { return &c.SMTP }, smtpFields),
		single("responses", "What is kept of the Responses API's answers.", func(c *Config) *Responses { return &c.Responses }, responsesFields),
		single("routing", "What holds for every route.", func(c *Config) *Routing { return &c.Routing }, routingFields),
		single("sign_in", "How people sign in.", func(c *Config) *SignIn { return &c.SignIn }, signInFields),
		array("plugin", "A plugin file and what it is granted. Only declared plugins are loaded.",
			pluginFields, nil, (*loader).addPlugin),
		withOpen("every other key is one secret field of the credential (api_key, access_key_id, …): env:NAME, file:PATH or the value itself",
			array("credential", "A secret used towards a provider. A field without a value leaves its deployments not configured.",
				credentialFields, func(c *core.Credential, key string, v value) { v.l.addCredential(c, key, v) }, (*loader).keepCredential)),
		array("deployment", "A thing that can be called: a provider's model with a credential, an endpoint and limits.",
			deploymentFields, nil, func(l *loader, at place, d *core.Deployment) { l.addDeployment(at, d) }),
		array("model", "An alias: the model name that clients use, with its route.",
			modelFields, nil, func(l *loader, at place, m *core.Model) {
				m.Owner = at.src.owner()
				l.cfg.models = append(l.cfg.models, *m)
			}),
		array("model_group", "A list of aliases under a name: group:NAME stands for it where keys and their owners list models.",
			modelGroupFields, nil, func(l *loader, _ place, g *core.ModelGroup) { l.cfg.modelGroups = append(l.cfg.modelGroups, *g) }),
		array("guardrail", "An attachment: which guardrail plugin looks where, and how.",
			guardrailFields, nil, (*loader).addGuardrail),
		array("jwt", "An issuer of tokens (JWT) that clients may present in place of keys. Each stands for a key, whose limits and budget it shares.",
			jwtFields, nil, (*loader).addJWT),
	}
}

func withOpen(doc string, s section) section {
	s.Open = doc
	return s
}

func sectionNames() []string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.Name
	}
	return names
}

// Sections describes everything that may stand in gateway.toml, in the order to
// show it. [deployment.price] and its tiers are described by [PriceFields].
func Sections() []Section {
	out := make([]Section, len(sections))
	for i, s := range sections {
		out[i] = s.Section
	}
	return out
}

// Known reports whether objects of the kind have the key; hint ends a message
// that they do not.
func Known(kind core.ObjectKind, key string) (hint string, known bool) {
	for _, s := range sections {
		if s.Name == string(kind) && s.Array {
			names := s.fieldNames()
			return didYouMean(key, names), s.Open != "" || slices.Contains(names, key)
		}
	}
	return "", false
}
