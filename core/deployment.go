package core

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Deployment is a thing that can be called: a provider's model with a
// credential, an endpoint and limits of its own.
type Deployment struct {
	Name       string
	Provider   string // plugin id: "provider.anthropic"
	Model      string // the vendor's name for it
	Credential string // name of a credential; "" for providers that need none
	BaseURL    string // "" is the provider's own
	// AllowPrivate permits loopback and private addresses behind BaseURL, for
	// self-hosted models; link-local and metadata addresses are refused always.
	AllowPrivate bool
	Options      json.RawMessage // the provider's own settings of this deployment, a JSON object
	Weight       float64
	Priority     int
	Limits       Limits
	Timeouts     Timeouts
	Retries      int // more tries at this deployment after a retryable failure
	Tags         []string
	DropParams   []string // request members to leave out; also deeper ones: messages[].reasoning_content
	Price        *Price   // overrides the price book
	PriceModel   string   // look the price up under this model name instead
	Owner        Place    `json:"-"` // whose keys alone may use it; the zero Place is everybody
}

// Timeouts of one attempt. Zero means none, except where said.
type Timeouts struct {
	Total      time.Duration // of an answer that is not a stream
	FirstToken time.Duration // from sending the request to a stream's first event with content
	StreamIdle time.Duration // between two events of a stream
}

// Credential is a set of secret fields towards a provider. Its String hides them.
type Credential struct {
	Name     string
	Provider string
	Fields   map[string]string // "api_key", "access_key_id", …; resolved values
	Owner    Place             // whose deployments alone may use it; the zero Place is everybody
	// Missing names the environment variables or files that have no value: the
	// deployments that use this credential are "not configured".
	Missing []string
}

// Redact takes the values out of a text that repeats them, also as a URL has
// them, and what is secret within the text of a file. Those of fewer than shortest
// bytes stay: in a sentence they are ordinary letters. A nil credential has no values.
func (c *Credential) Redact(text string, shortest int) string {
	if c == nil {
		return text
	}
	for _, field := range c.Fields {
		for _, v := range append(secretsWithin(field), field) {
			if v != "" && len(v) >= shortest {
				text = strings.ReplaceAll(text, v, "***")
				text = strings.ReplaceAll(text, url.QueryEscape(v), "***")
			}
		}
	}
	return text
}

// secretNames are the members of files of credentials (Google's key files, AWS's
// shared credentials) that are secret.
var secretNames = map[string]bool{"private_key": true, "client_secret": true, "refresh_token": true,
	"aws_secret_access_key": true, "aws_session_token": true}

// secretsWithin finds them in a field's value; most values are no file.
func secretsWithin(value string) (secrets []string) {
	if !strings.Contains(value, "\n") && !strings.HasPrefix(value, "{") {
		return nil
	}
	var members map[string]any
	if json.Unmarshal([]byte(value), &members) == nil {
		for name, v := range members {
			if s, ok := v.(string); ok && secretNames[name] {
				secrets = append(secrets, s, strings.TrimSpace(s))
			}
		}
		return secrets
	}
	for line := range strings.Lines(value) {
		if name, v, ok := strings.Cut(line, "="); ok && secretNames[strings.ToLower(strings.TrimSpace(name))] {
			secrets = append(secrets, strings.TrimSpace(v))
		}
	}
	return secrets
}

// String names the credential and no secret.
func (c Credential) String() string { return "credential " + c.Name }

// GoString is String, so that %#v leaks nothing either.
func (c Credential) GoString() string { return c.String() }

// MarshalJSON writes the name and the names of the fields, never a value.
func (c Credential) MarshalJSON() ([]byte, error) {
	names := make([]string, 0, len(c.Fields))
	for f := range c.Fields {
		names = append(names, f)
	}
	return json.Marshal(struct {
		Name     string   `json:"name"`
		Provider string   `json:"provider"`
		Fields   []string `json:"fields"`
		Missing  []string `json:"missing,omitempty"`
	}{c.Name, c.Provider, names, c.Missing})
}

// Model is an alias that clients use, with its route.
type Model struct {
	Name                   string
	Deployments            []string
	Strategy               string // plugin id; "" is strategy.weighted
	Fallbacks              []string
	ContextWindowFallbacks []string
	ContentPolicyFallbacks []string
	Guardrails             []string // names of attachments
	Owner                  Place    `json:"-"` // whose keys alone may call it; the zero Place is everybody
}

// GuardrailAttachment says which plugin guards where and how.
type GuardrailAttachment struct {
	Name     string
	Plugin   string // plugin id
	Stages   []string
	Monitor  bool // record findings, change nothing
	FailOpen bool
	// RefuseMedia refuses requests with what no guardrail can read: pictures,
	// recordings, documents that are not text.
	RefuseMedia bool
	Everywhere  bool
	Config      json.RawMessage
}

// String names the attachment and shows nothing of its configuration, which may hold secrets.
func (g GuardrailAttachment) String() string { return "guardrail " + g.Name }

// GoString is String, so that %#v leaks nothing either.
func (g GuardrailAttachment) GoString() string { return g.String() }
