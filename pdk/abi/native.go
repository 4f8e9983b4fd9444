package abi

// NativePlan is what of a provider's own API clients may call below
// /{provider}, where {provider} is the name in the plugin's id. The bytes pass
// as they are, but for the model's name and what edits and caps change; what is
// not a route here is refused. It is asked for once per deployment, with the
// endpoint [Native] and Stream false. Auth, Headers and Errors of the same reply
// belong to every route.
type NativePlan struct {
	Routes []NativeRoute `json:"routes"`
	// ErrorBody is the vendor's shape of an error, an object, in which the strings
	// "$message", "$name", "$code" (the gateway's) and "$status" (a number) are
	// filled in. Absent: OpenAI's, or that of the route's Endpoint.
	ErrorBody Raw `json:"error_body,omitempty"`
	// ErrorNames give $name by status; "" is that of all others.
	ErrorNames map[string]string `json:"error_names,omitempty"`
}

// NativeRoute is one call of a provider's API that names a model. Its members
// say what the host must know of the body: all paths are as in [UsagePaths].
type NativeRoute struct {
	Method string `json:"method,omitempty"` // "" is POST
	// Path is what clients call below /{provider}: "/v1beta/models/{model}:generateContent".
	// {model} stands for a model's name, percent-encoded, within one segment, and
	// everything else for itself, byte for byte.
	Path string `json:"path"`
	// Query names the parameters that may be given, and are passed on; one with a
	// value, "alt=sse", must be given so.
	Query []string `json:"query,omitempty"`

	// Endpoint says that this is one of the gateway's endpoints under the vendor's
	// own path. The plan for it serves the route, if the deployment has one that
	// passes bodies through; members below mean nothing.
	Endpoint Endpoint `json:"endpoint,omitempty"`

	URL string `json:"url,omitempty"` // absolute, with the deployed model in it
	// Model is the member of the body that names the model, which the host sets to
	// the deployed one; "" where the path does.
	Model   string      `json:"model,omitempty"`
	Request RequestPlan `json:"request"` // passes through; OutputCap and IncludeUsage mean nothing
	// Stream says that the answer is a stream; with StreamIf, that this is so unless
	// that member of the body is false. StreamIf alone: only if it is true.
	Stream   bool    `json:"stream,omitempty"`
	StreamIf string  `json:"stream_if,omitempty"`
	Framing  Framing `json:"framing,omitempty"` // "" is sse
	// Wrapped names the member of an event that holds, in base64, the JSON that
	// everything else here speaks of.
	Wrapped string `json:"wrapped,omitempty"`
	// Caps are the members that cap the output: all that are there count, and where a
	// budget needs a bound and none is, the host sets the first. A route without any
	// makes no text.
	Caps []string `json:"caps,omitempty"`
	// Choices are the members that ask for several answers.
	Choices []string `json:"choices,omitempty"`
	// Pictures says that what it answers and is billed by are pictures, as many as Choices
	// ask for, or up to four where they do not. Usage.Images counts them.
	Pictures bool `json:"pictures,omitempty"`
	// Ranks says that the body's query is read, and billed, with each of its documents.
	Ranks bool `json:"ranks,omitempty"`
	// Services are the members that ask for a service at a price of its own.
	Services []string   `json:"services,omitempty"`
	Usage    UsagePaths `json:"usage"`
	// Finish are the members of events that say, by any value but null, false and
	// "", that a choice's answer is complete. A stream that ends before is broken.
	Finish []string `json:"finish,omitempty"`
	// Free says that the vendor asks nothing for it.
	Free bool `json:"free,omitempty"`
}
