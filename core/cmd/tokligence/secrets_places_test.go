package main

// huntSettings is a configuration with secrets in all places where one may stand.
const huntSettings = `
[server]
listen = "127.0.0.1:0"
drain_timeout = "1s"
[storage]
url = "sqlite://data/t.db"
[security]
allow_private_hosts = ["127.0.0.1"]
[routing]
cooldown = "1ms"
[[plugin]]
id = "provider.openai"
source = "builtin:openai"
[[plugin]]
id = "guardrail.rules"
source = "builtin:rules"
[[guardrail]]
name = "words"
plugin = "guardrail.rules"
everywhere = true
[[guardrail.config.rules]]
name = "word"
pattern = "guarded-word-[0-9]{20}"
action = "deny"
[[credential]]
name = "literal"
provider = "provider.openai"
api_key = "pk-MARKliteral0123456789"
[[credential]]
name = "by-env"
provider = "provider.openai"
api_key = "env:HUNT_VENDOR_KEY"
[[credential]]
name = "unused"
provider = "provider.openai"
api_key = "env:HUNT_UNSET"
`

// huntModel is an alias with a deployment of its own: name, address and credential.
const huntModel = `
[[deployment]]
name = %[1]q
provider = "provider.openai"
model = "vendor-model"
base_url = %[2]q
allow_private = true
price = { input = "1.00", output = "2.00" }
credential = %[3]q
[[model]]
name = %[1]q
deployments = [%[1]q]
`

// secretPlaces are where clients write keys: SECRET is another one each time,
// ESCAPED the same with each byte percent-encoded, GOOD a key that works. A header
// without value is not sent.
var secretPlaces = []struct {
	name, method, path, body string
	headers                  map[string]string
}{
	{"bearer", "POST", chatPath, okBody, map[string]string{"Authorization": "Bearer SECRET"}},
	{"bearer, other server", "GET", "/v1/models", "", map[string]string{"Authorization": "Bearer SECRET"}},
	{"basic", "POST", chatPath, okBody, map[string]string{"Authorization": "Basic SECRET"}},
	{"x-api-key", "POST", chatPath, okBody, map[string]string{"Authorization": "", "X-Api-Key": "SECRET"}},
	{"api-key", "POST", chatPath, okBody, map[string]string{"Authorization": "", "Api-Key": "SECRET"}},
	{"x-goog-api-key", "POST", chatPath, okBody, map[string]string{"Authorization": "", "X-Goog-Api-Key": "SECRET"}},
	{"x-goog-api-key, admin", "GET", "/api/v1/keys", "", map[string]string{"Authorization": "", "X-Goog-Api-Key": "SECRET"}},
	{"a client's token beside a key", "POST", chatPath, okBody, map[string]string{"Authorization": "Bearer GOOD", "X-Api-Key": "SECRET", "X-Goog-Api-Key": "SECRET",
		"Cookie": "session=SECRET", "Proxy-Authorization": "Bearer SECRET", "X-Auth-Token": "SECRET", "Openai-Organization": "SECRET", "User-Agent": "x/SECRET", "X-Forwarded-For": "SECRET",
		"Referer": "https://x/?key=SECRET", "Anthropic-Beta": "SECRET", "Idempotency-Key": "SECRET", "Traceparent": "SECRET", "Baggage": "k=SECRET"}},
	{"the same, messages", "POST", "/v1/messages", `{"model":"ok","max_tokens":5,"messages":[{"role":"user","content":"x"}]}`,
		map[string]string{"Authorization": "Bearer GOOD", "X-Api-Key": "SECRET", "Anthropic-Version": "SECRET", "Anthropic-Beta": "SECRET", "Cookie": "s=SECRET"}},
	{"cookie alone", "GET", "/api/v1/me", "", map[string]string{"Authorization": "", "Cookie": "session=SECRET; tokligence_session=SECRET"}},
	{"content-encoding", "POST", chatPath, okBody, map[string]string{"Content-Encoding": "SECRET"}},
	{"content-type", "POST", chatPath, okBody, map[string]string{"Content-Type": "SECRET"}},
	{"method", "SECRET", chatPath, "", nil},
	{"method, admin", "SECRET", "/api/v1/keys", "", nil},

	{"?key=", "POST", chatPath + "?key=SECRET", okBody, map[string]string{"Authorization": ""}},
	{"a good key as ?key=", "POST", chatPath + "?key=GOOD", okBody, map[string]string{"Authorization": ""}},
	{"a good key as ?api_key=", "GET", "/v1/models?api_key=GOOD", "", map[string]string{"Authorization": ""}},
	{"a good key as ?key=, admin", "GET", "/api/v1/me?key=GOOD", "", map[string]string{"Authorization": ""}},
	{"a good key as ?key=, metrics", "GET", "/metrics?key=GOOD", "", map[string]string{"Authorization": ""}},
	{"?key= beside a key", "POST", chatPath + "?key=SECRET", okBody, nil},
	{"?key= escaped", "POST", chatPath + "?key=ESCAPED", okBody, map[string]string{"Authorization": ""}},
	{"?api_key=", "POST", chatPath + "?api_key=SECRET", okBody, map[string]string{"Authorization": ""}},
	{"?access_token=", "GET", "/v1/models?access_token=SECRET", "", map[string]string{"Authorization": ""}},
	{"?key=, models", "GET", "/v1/models?key=SECRET", "", map[string]string{"Authorization": ""}},
	{"?key=, metrics", "GET", "/metrics?key=SECRET", "", map[string]string{"Authorization": ""}},
	{"?key=, admin", "GET", "/api/v1/me?key=SECRET", "", map[string]string{"Authorization": ""}},
	{"?key=, health", "GET", "/healthz?key=SECRET", "", nil},

	{"path", "GET", "/SECRET", "", nil},
	{"path of the API", "GET", "/v1/SECRET", "", nil},
	{"path, escaped", "GET", "/v1/ESCAPED", "", nil},
	{"path of the admin API", "GET", "/api/v1/SECRET", "", nil},
	{"path behind a path", "POST", chatPath + "/SECRET", okBody, nil},
	{"path, wrong method", "DELETE", "/v1/models/SECRET", "", nil},
	{"model in the path", "GET", "/v1/models/SECRET", "", nil},
	{"model in the path, escaped", "GET", "/v1/models/ESCAPED", "", map[string]string{"Anthropic-Version": "2023-06-01"}},
	{"model in Azure's path", "POST", "/openai/deployments/SECRET/chat/completions", okBody, nil},
	{"model in Gemini's path", "POST", "/v1beta/models/SECRET:generateContent?key=SECRET", okBody, nil},

	{"model", "POST", chatPath, `{"model":"SECRET","messages":[{"role":"user","content":"x"}]}`, nil},
	{"model, messages", "POST", "/v1/messages", `{"model":"SECRET","max_tokens":5,"messages":[{"role":"user","content":"x"}]}`, nil},
	{"model, embeddings", "POST", "/v1/embeddings", `{"model":"SECRET","input":"x"}`, nil},
	{"user", "POST", chatPath, `{"model":"ok","user":"SECRET","messages":[{"role":"user","content":"MARKprompt"}]}`, nil},
	{"user_id, messages", "POST", "/v1/messages", `{"model":"ok","max_tokens":5,"metadata":{"user_id":"SECRET"},"messages":[{"role":"user","content":"x"}]}`, nil},
	{"user of a failure", "POST", chatPath, `{"model":"500","user":"SECRET","messages":[{"role":"user","content":"MARKprompt"}]}`, nil},
	{"members of other gateways", "POST", chatPath, `{"model":"ok","api_key":"SECRET","api_base":"http://SECRET@127.0.0.1:9/","headers":{"x":"SECRET"},"messages":[{"role":"user","content":"x"}]}`, nil},
	{"a member's name", "POST", chatPath, `{"model":"ok","SECRET":1,"messages":[{"role":"user","content":"x"}]}`, nil},
	{"a role", "POST", chatPath, `{"model":"ok","messages":[{"role":"SECRET","content":"x"}]}`, nil},
	{"a role, messages", "POST", "/v1/messages", `{"model":"ok","max_tokens":5,"messages":[{"role":"SECRET","content":[{"type":"SECRET"}]}]}`, nil},
	{"wrong types", "POST", chatPath, `{"model":"ok","stream":"SECRET","max_tokens":"SECRET","n":"SECRET","messages":"SECRET"}`, nil},
	{"no JSON", "POST", chatPath, `{"model":"ok", SECRET`, nil},
	{"twice", "POST", chatPath, `{"model":"ok","SECRET":1,"SECRET":2,"model":"SECRET","messages":[]}`, nil},
	{"a prompt that is blocked", "POST", chatPath, `{"model":"ok","messages":[{"role":"user","content":"MARK guarded-word-01234567890123456789"}]}`, nil},
	{"no key, admin", "POST", "/api/v1/keys", `{"name":"SECRET"}`, map[string]string{"Authorization": ""}},
	{"an ordinary key, admin", "POST", "/api/v1/keys", `{"name":"SECRET"}`, nil},
	{"an ordinary key, its own id", "DELETE", "/api/v1/keys/GOOD", "", nil},
}

const (
	chatPath = "/v1/chat/completions"
	okBody   = `{"model":"ok","messages":[{"role":"user","content":"MARKprompt"}]}`
)

// apiPlants are secrets that belong where they are: SECRET is one, VENDOR the
// address of somebody who tells of it.
var apiPlants = []struct {
	path, body string
	status     int
}{
	{"/webhooks", `{"url": "VENDOR/ok/hook?token=SECRET", "types": ["*"]}`, 201},
	{"/webhooks", `{"url": "VENDOR/400/SECRET?x=1", "types": ["*"]}`, 201},
	{"/webhooks", `{"url": "http://user:SECRET@127.0.0.1:1/hook", "types": ["*"]}`, 400},
	{"/webhooks", `{"url": "http://169.254.169.254/SECRET", "types": ["*"]}`, 400},
	{"/webhooks", `{"url": "http://nowhere.invalid/?token=SECRET", "types": ["*"]}`, 201},
	{"/credentials", `{"name": "made", "provider": "provider.openai", "api_key": "SECRET"}`, 201},
	{"/credentials", `{"name": "made", "provider": "provider.openai", "api_key": "SECRET"}`, 409},
	{"/credentials", `{"name": "bad", "provider": "provider.openai", "api_kye": "SECRET"}`, 400},
	{"/credentials", `{"name": "bad", "provider": "provider.openai", "api_key": ["SECRET"]}`, 400},
	{"/credentials", `{"name": "bad", "provider": "provider.nobody", "api_key": "SECRET"}`, 400},
	{"/deployments", `{"name": "made", "provider": "provider.openai", "model": "m", "credential": "made", "base_url": "VENDOR/400", "price": {"input": "1.00", "output": "2.00"}}`, 201},
	{"/models", `{"name": "made", "deployments": ["made"]}`, 201},
	{"/sign-in", `{"email": "nobody@example.com", "password": "SECRET"}`, 401},
	{"/signup", `{"token": "SECRET", "email": "nobody@example.com", "name": "Nobody", "password": "SECRET"}`, 400},
	{"/invites/accept", `{"token": "SECRET", "name": "Nobody", "password": "SECRET"}`, 400},
	{"/password/reset/confirm", `{"token": "SECRET", "password": "SECRET"}`, 400},
	{"/deployments", `{"name": "d1", "provider": "provider.openai", "model": "m", "base_url": "http://user:SECRET@host/"}`, 400},
	{"/deployments", `{"name": "d2", "provider": "provider.openai", "model": "m", "base_url": "http://host/?key=SECRET"}`, 400},
	{"/deployments", `{"name": "d3", "provider": "provider.openai", "model": "m", "credential": "literal", "options": {"x": "SECRET"}}`, 400},
	{"/guardrails", `{"name": "g1", "plugin": "guardrail.rules", "everywhere": true, "config": {"rules": [{"name": "x", "action": "SECRET", "pattern": "(SECRET"}]}}`, 400},
	{"/keys", `{"name": "own", "secret": "MARK-short"}`, 400},
}

// badSettings are faults in a configuration, each beside or in a secret.
var badSettings = map[string]string{
	"a user in base_url":       "[[deployment]]\nname = \"u\"\nprovider = \"provider.openai\"\nmodel = \"m\"\nbase_url = \"https://user:SECRET@host/\"\n",
	"a query in base_url":      "[[deployment]]\nname = \"u\"\nprovider = \"provider.openai\"\nmodel = \"m\"\nbase_url = \"https://host/?key=SECRET\"\n",
	"no URL for base_url":      "[[deployment]]\nname = \"u\"\nprovider = \"provider.openai\"\nmodel = \"m\"\nbase_url = \"SECRET\"\n",
	"a list for a credential":  "[[credential]]\nname = \"bad\"\nprovider = \"provider.openai\"\napi_key = [\"SECRET\"]\n",
	"an unknown field":         "[[credential]]\nname = \"bad\"\nprovider = \"provider.openai\"\napi_kye = \"SECRET\"\n",
	"a credential, not closed": "[[credential]]\nname = \"bad\"\nprovider = \"provider.openai\"\napi_key = \"SECRET\n",
	"a credential, no quotes":  "[[credential]]\nname = \"bad\"\nprovider = \"provider.openai\"\napi_key = SECRET\n",
	"a credential twice":       "[[credential]]\nname = \"literal\"\nprovider = \"provider.openai\"\napi_key = \"SECRET\"\n",
	"a reference":              "[[credential]]\nname = \"bad\"\nprovider = \"provider.openai\"\napi_key = \"env:SECRET here\"\n",
	"a key for a name":         "[[credential]]\nname = \"SECRET twice SECRET\"\nprovider = \"provider.openai\"\napi_key = \"x\"\n",
	"a plugin's settings":      "[[guardrail]]\nname = \"bad\"\nplugin = \"guardrail.rules\"\neverywhere = true\n[[guardrail.config.rules]]\nname = \"x\"\naction = \"SECRET\"\npattern = \"(SECRET\"\n",
	"a plugin's settings, key": "[[guardrail]]\nname = \"bad\"\nplugin = \"guardrail.rules\"\neverywhere = true\n[guardrail.config]\nSECRET = \"SECRET\"\n",
	"options":                  "[[deployment]]\nname = \"u\"\nprovider = \"provider.openai\"\nmodel = \"m\"\noptions = { bad = \"SECRET\" }\n[[model]]\nname = \"u\"\ndeployments = [\"u\"]\n",
	"an encryption key":        "[security]\nencryption_key = \"SECRET\"\n",
	"an earlier one":           "[security]\nprevious_keys = [\"SECRET\"]\n",
	"a plugin's checksum":      "[[plugin]]\nid = \"guardrail.x\"\nsource = \"x.wasm\"\nsha256 = \"SECRET\"\n",
	"a proxy":                  "[server]\ntrusted_proxies = [\"http://user:SECRET@proxy/\"]\n",
}

// badStarts are whole configurations with which no gateway starts.
var badStarts = map[string]string{
	"a database's password":  "[storage]\nurl = \"postgres://user:MARK-pass-word@127.0.0.1:1/db?connect_timeout=1\"\n",
	"a database's parameter": "[storage]\nurl = \"postgres://user:MARK-pass-word@127.0.0.1:1/db?sslmode=MARK\"\n",
	"no database's URL":      "[storage]\nurl = \"user:MARK-pass-word@host\"\n",
	"a private host":         "[security]\nallow_private_hosts = [\"http://user:SECRET@proxy/\"]\n",
	"an address by env":      "[server]\nlisten = \"env:HUNT_VENDOR_KEY\"\n",
	"a plugin's setting by env": "[[plugin]]\nid = \"guardrail.rules\"\nsource = \"builtin:rules\"\n[[guardrail]]\nname = \"bad\"\nplugin = \"guardrail.rules\"\neverywhere = true\n" +
		"[[guardrail.config.rules]]\nname = \"x\"\naction = \"deny\"\npattern = \"env:HUNT_BAD_PATTERN\"\n",
}

// secretCommands are command lines that a secret has got into.
var secretCommands = []string{
	"key list", "key list --json", "ledger list --json", "ledger export", "ledger export --format csv", "audit list", "audit export", "models list", "plugin list", "encryption status", "encryption reseal", "doctor", "check",
	"--help", "key --help", "serve --help", "version",
	"key list --key SECRET", "key show SECRET", "key block SECRET", "key delete SECRET", "key rotate SECRET", "key SECRET", "SECRET",
	"key create --name SECRET --models ok", "models test SECRET", "org show SECRET", "team add-member SECRET --user SECRET --role member",
	"key list --url http://user:SECRET@127.0.0.1:1", "key list --url SECRET://x", "doctor --url http://user:SECRET@127.0.0.1:1",
	"check -c SECRET.toml", "serve -c SECRET.toml",
}
