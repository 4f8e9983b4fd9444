package abi

// Deployment is what a provider plugin knows of a deployment: no credential,
// only the names of the fields that it has.
type Deployment struct {
	Name             string   `json:"name"`
	Model            string   `json:"model"`              // the vendor's name
	BaseURL          string   `json:"base_url,omitempty"` // without a trailing slash; "" is the provider's own
	Options          Raw      `json:"options,omitempty"`  // [deployment.options] of gateway.toml, an object
	CredentialFields []string `json:"credential_fields,omitempty"`

	// Text is what the kit has read the deployment from, Options included: while it is
	// the same, so is all that a plugin makes of the deployment. It may be kept.
	Text Raw `json:"-"`
}

// PlanRequest asks how one endpoint of one deployment is served. It is asked
// when the configuration is loaded, not per request.
type PlanRequest struct {
	Endpoint   Endpoint   `json:"endpoint"`
	Stream     bool       `json:"stream"`
	Deployment Deployment `json:"deployment"`
}

// PlanReply is a provider's standing answer for one deployment and endpoint.
//
// Endpoints that a provider does not support natively may still be served: the
// host bridges Messages to Chat when only Chat is supported.
type PlanReply struct {
	Supported bool   `json:"supported"`
	Reason    string `json:"reason,omitempty"` // why not; for people

	Method string `json:"method,omitempty"` // "" is POST
	// URL is absolute. It keeps scheme and host of the deployment's base_url; where
	// there is none it is https, or http to a loopback address, which is called only
	// if the deployment has allow_private.
	URL     string  `json:"url,omitempty"`
	Headers Headers `json:"headers,omitempty"`
	Auth    Auth    `json:"auth"`

	Request  RequestPlan  `json:"request"`
	Response ResponsePlan `json:"response"`
	Stream   StreamPlan   `json:"stream"`
	Usage    UsagePaths   `json:"usage"`
	Errors   ErrorPaths   `json:"errors"`

	// Realtime is more of the reply for the endpoint [Realtime]; nil is OpenAI's way.
	Realtime *RealtimePlan `json:"realtime,omitempty"`
	// Native is the reply for the endpoint [Native].
	Native *NativePlan `json:"native,omitempty"`

	// Local says that the plugin is the vendor itself: nothing is sent, and the
	// body that Encode makes is not a request but a [LocalAnswer]. Request,
	// Response and Stream are then Transform; URL, Auth, Headers and the framing
	// mean nothing.
	Local bool `json:"local,omitempty"`
}

// LocalAnswer is what a vendor would have answered, made by Encode of a plan
// that is Local. The host goes on as if it had come over the network: it waits
// DelayMS, takes a Status that is not 2xx for the vendor's error (Headers and
// Body as in any other, retries and cool-downs included), hands the Body of a
// whole answer to Decode, and for a stream the Events to DecodeEvents, each
// after its own delay; events that wait for nothing may share a call. All waits
// end with the exchange's context and count against its time-outs.
type LocalAnswer struct {
	Status  int          `json:"status,omitempty"` // 0 is 200
	Headers Headers      `json:"headers,omitempty"`
	DelayMS int64        `json:"delay_ms,omitempty"` // before the status
	Body    Raw          `json:"body,omitempty"`     // raw; of a whole answer and of every error
	Events  []LocalEvent `json:"events,omitempty"`
	// Cut says that the connection breaks after the last event, or before the body of
	// a whole answer: the host treats it as a failed read, not as the end.
	Cut bool `json:"cut,omitempty"`
}

// LocalEvent is one event of a LocalAnswer.
type LocalEvent struct {
	Event
	DelayMS int64 `json:"delay_ms,omitempty"` // before this event
}

// Auth names how core proves itself to the vendor. Values are placeholders,
// ${credential.api_key}, that core fills in after the plugin is done.
type Auth struct {
	Scheme  AuthScheme `json:"scheme,omitempty"`
	Name    string     `json:"name,omitempty"`    // of the header or query parameter
	Value   string     `json:"value,omitempty"`   // "" is ${credential.api_key}
	Service string     `json:"service,omitempty"` // aws_sigv4: "bedrock"
	Region  string     `json:"region,omitempty"`  // aws_sigv4
	// Scope is what a token is asked for: an OAuth scope, several with spaces between.
	// google_service_account, azure_entra, oauth2_client_credentials.
	Scope string `json:"scope,omitempty"`
}

// AuthScheme is a way to authenticate that core carries out.
type AuthScheme string

// The schemes.
const (
	AuthNone   AuthScheme = "none"
	AuthBearer AuthScheme = "bearer" // Authorization: Bearer <value>
	AuthHeader AuthScheme = "header" // <name>: <value>
	AuthQuery  AuthScheme = "query"  // ?<name>=<value>
	// AuthSigV4 signs with access_key_id, secret_access_key and, where given,
	// session_token; or with the keys of profile ("" is default) in shared_credentials,
	// the text of a file like ~/.aws/credentials. With role_arn it signs with keys of that
	// role, which the host asks STS for (sts_url, by default the region's): by
	// web_identity_token, another issuer's token, or by the keys above and external_id.
	AuthSigV4 AuthScheme = "aws_sigv4"
	// The following send a bearer token that the host fetches, keeps until shortly
	// before it expires, and fetches once however many requests wait for it.
	//
	// AuthGoogle takes service_account, the text of a key file (its type may be
	// service_account, authorized_user or external_account); the last also takes
	// subject_token, which the file's credential_source would lead to.
	AuthGoogle AuthScheme = "google_service_account"
	// AuthEntra takes tenant_id, client_id and client_secret, or federated_token,
	// another issuer's token, in the secret's place; authority is optional.
	AuthEntra AuthScheme = "azure_entra"
	// AuthOAuth2 takes token_url, client_id and client_secret.
	AuthOAuth2 AuthScheme = "oauth2_client_credentials"
)

// Mode says whether a body crosses the sandbox.
type Mode string

// The modes. Passthrough bodies are spliced and forwarded, never re-serialised.
const (
	Passthrough Mode = "passthrough"
	Transform   Mode = "transform"
)

// RequestPlan is how a request's body is made.
type RequestPlan struct {
	Mode Mode `json:"mode"`
	// Edits of a passthrough body, or of the one that Encode makes, in order. Of the
	// former the host sets "model" to the deployment's model itself, before them.
	Edits []Edit `json:"edits,omitempty"`
	// Form says that the vendor takes a multipart form: where the client sent one, the
	// host makes it anew of the canonical body's members and the client's files, in
	// their order. What came as JSON is sent as JSON.
	Form bool `json:"form,omitempty"`
	// Inline says that Encode puts the files of the client's form into a JSON body: each
	// has a member "data" beside "$file", with its bytes in base64, which is a long string.
	Inline bool `json:"inline,omitempty"`
	// IncludeUsage says that a stream must be asked for usage the OpenAI way
	// (stream_options.include_usage); the host hides it from clients that did not ask.
	IncludeUsage bool `json:"include_usage,omitempty"`
	// Unsupported names members that this deployment refuses, by the paths of
	// [Edit]. The host drops them when the deployment's drop_params says so, and
	// tells the client in a header; else it answers 400 naming the member.
	Unsupported []string `json:"unsupported,omitempty"`
	// OutputCap names the top-level member that caps the output ("max_tokens"):
	// the host sets it when a budget needs a bound and the client gave none. ""
	// says that there is none.
	OutputCap string `json:"output_cap,omitempty"`
	// ToolCap is the path of the member that caps how often the vendor's own tools are used
	// ("max_tool_calls", "web_search_options.max_uses"): the host sets it when a budget
	// needs a bound and the request offers such a tool. "" says that there is none.
	ToolCap string `json:"tool_cap,omitempty"`
	// Steps names the member that says how often the model goes on after the vendor's own
	// tools ("max_steps"; once where a request does not say): each time it reads all anew,
	// with what they found, and writes as much as OutputCap says. The host holds for that.
	// "" says that what they find costs nothing apart.
	Steps string `json:"steps,omitempty"`
	// Searches is how often at most a request is billed as a search that asks for none,
	// since the model searches by itself; 0 where it does not.
	Searches int64 `json:"searches,omitempty"`
	// Boundless says that neither OutputCap nor Searches bound what an answer costs: it is
	// refused to whom a budget applies.
	Boundless bool `json:"boundless,omitempty"`
	// FilesApart says that the vendor may read files among the messages for a price of
	// their own.
	FilesApart bool `json:"files_apart,omitempty"`
	// Efforts are the words that reasoning_effort, of responses reasoning.effort, may hold,
	// of none, minimal, low, medium, high, xhigh and max. The host puts the nearest in the
	// place of another of these, or leaves the member out where there is none ([""] says
	// that there is never one), and tells the client. Words that are none of these pass.
	// Empty: any may.
	Efforts []string `json:"efforts,omitempty"`
	// WebSearch says that the vendor searches the web where a chat's web_search_options ask
	// for it: [SearchesAlone] or [SearchesBeside] functions. The host then makes them of
	// searches that clients of other dialects offer as a tool. "" says that it does not.
	WebSearch string `json:"web_search,omitempty"`
	// Extensions name those of package llm's members that the vendor takes. The host
	// leaves all others out of a chat request that it has translated from another
	// dialect, and where Strict says that the vendor refuses what it does not know,
	// out of every chat request. A plugin that transforms requests leaves out by itself what
	// it does not know, and names what a bridge tells otherwise: citations.
	Extensions []string `json:"extensions,omitempty"`
	Strict     bool     `json:"strict,omitempty"`
	// Alternate says that the vendor wants messages of user and assistant in turn:
	// the host joins neighbours of one role.
	Alternate bool `json:"alternate,omitempty"`
	// ForwardHeaders names client headers that are passed on ("anthropic-beta").
	ForwardHeaders []string `json:"forward_headers,omitempty"`
}

// The values of [RequestPlan.WebSearch].
const (
	SearchesAlone  = "alone"  // not in a request that offers functions
	SearchesBeside = "beside" // in any
)

// Edit changes one member of a passthrough body, answer or event.
type Edit struct {
	Op EditOp `json:"op"`
	// Key is a path of names joined by dots; a name with [] behind it stands for
	// every element of that array: "messages[].reasoning_content". What lies on the
	// way must be there: an edit makes no objects but the last member. Usage and
	// errors are read from what the edits have made of an answer or event.
	Key   string `json:"key"`
	To    string `json:"to,omitempty"`    // rename, copy: the new name beside the old, unless present
	Value Raw    `json:"value,omitempty"` // set, default; short_id: how many characters
	// Where is an object: the edit is made only where the object that Key's last name
	// stands in has these members with these values. Absent: everywhere.
	Where Raw `json:"where,omitempty"`
}

// EditOp is what an Edit does.
type EditOp string

// The operations: set always, default only when absent, copy under a second name.
const (
	EditSet     EditOp = "set"
	EditDefault EditOp = "default"
	EditRemove  EditOp = "remove"
	EditRename  EditOp = "rename"
	EditCopy    EditOp = "copy"

	// EditSplitThinking is for content that is an array of parts: what those of type
	// thinking say (a string, or parts of text) becomes the string To beside it, and
	// what is left becomes a string where it is text alone, null where it is nothing.
	EditSplitThinking EditOp = "split_thinking"
	// EditJoinThinking is the way back: the string becomes a part of type thinking at
	// the beginning of To, which becomes an array.
	EditJoinThinking EditOp = "join_thinking"
	// EditLift puts the member in the place of the object that it stands in, under the
	// name To ("choices[].message.content", "text"); Value where it is null or absent.
	EditLift EditOp = "lift"
	// EditUnwrap makes of an array of one element that element.
	EditUnwrap EditOp = "unwrap"
	// EditInt8 makes of a string of base64 the array of its bytes, each a signed number.
	EditInt8 EditOp = "int8"
	// EditNest puts all other members of the object that Key's last name stands in into
	// an object under To, unless there is one: {"type", "name", "schema"} of "text.format.type"
	// becomes {"type", To: {"name", "schema"}}.
	EditNest EditOp = "nest"
	// EditDrop takes out of an array the elements that have one of Value's texts where Key
	// says ("input[].type").
	EditDrop EditOp = "drop"
	// EditShortID makes of a string that is not Value letters and digits (1 to 10) one
	// that is, the same for the same string.
	EditShortID EditOp = "short_id"
)

// ResponsePlan is how a whole answer is read.
type ResponsePlan struct {
	Mode  Mode   `json:"mode"`
	Edits []Edit `json:"edits,omitempty"` // of an answer that is JSON, before Decode reads it
}

// StreamPlan is how a stream is read.
type StreamPlan struct {
	Mode    Mode    `json:"mode"`
	Framing Framing `json:"framing,omitempty"` // "" is sse
	Edits   []Edit  `json:"edits,omitempty"`   // of each event, before DecodeEvents reads it
	// Partless says that the texts of a passthrough response come without the events by which
	// their parts begin: the host adds those for clients of OpenAI's API.
	Partless bool `json:"partless,omitempty"`
}

// Framing is how events are cut out of the vendor's bytes.
type Framing string

// The framings.
const (
	FramingSSE            Framing = "sse"
	FramingNDJSON         Framing = "ndjson"
	FramingAWSEventStream Framing = "aws_event_stream"
)

// UsagePaths say where usage stands in passthrough answers and events. Each
// path is dotted; of several, every one present is read and the last wins. A name
// with [] behind it stands for all elements of that array, with [member=text] for
// those in which member is that text; numbers found so are added up. So are those
// of several paths with " + " between them, and " - " takes the next one away.
// Reports are snapshots: a later number replaces the earlier one, an absent
// one keeps it.
type UsagePaths struct {
	Input        []string `json:"input,omitempty"`
	CacheRead    []string `json:"cache_read,omitempty"`
	CacheWrite5m []string `json:"cache_write_5m,omitempty"`
	CacheWrite1h []string `json:"cache_write_1h,omitempty"`
	Output       []string `json:"output,omitempty"`
	Reasoning    []string `json:"reasoning,omitempty"`
	AudioInput   []string `json:"audio_input,omitempty"`
	AudioOutput  []string `json:"audio_output,omitempty"`
	ImageInput   []string `json:"image_input,omitempty"`
	ImageOutput  []string `json:"image_output,omitempty"`
	AudioCached  []string `json:"audio_cache_read,omitempty"` // of the input, and of no other part
	ImageCached  []string `json:"image_cache_read,omitempty"`
	Searches     []string `json:"searches,omitempty"`
	Images       []string `json:"images,omitempty"`  // a number, an array that is counted, or a text for each
	Seconds      []string `json:"seconds,omitempty"` // of audio; fractions count. "$sound": what is sold of a realtime session is the sound that passes, and texts; the host counts them
	Characters   []string `json:"characters,omitempty"`
	// InputIncludes names the parts that the vendor's input number contains
	// (OpenAI: cache_read, audio_input); the host takes them out again. Likewise OutputIncludes.
	// Reasoning is a share of output: where the vendor counts it beside output,
	// name it in OutputExcludes and the host adds it.
	InputIncludes  []string `json:"input_includes,omitempty"`
	OutputIncludes []string `json:"output_includes,omitempty"`
	OutputExcludes []string `json:"output_excludes,omitempty"`
	// CacheWrite5mIncludes names the parts that the vendor's cache_write_5m number
	// contains (Anthropic's sum of both writes: cache_write_1h).
	CacheWrite5mIncludes []string `json:"cache_write_5m_includes,omitempty"`
	Model                []string `json:"model,omitempty"`   // the served model
	Service              []string `json:"service,omitempty"` // as what it was served: "priority"
}

// ErrorPaths say where an error body keeps its parts and what they mean. The
// zero value is OpenAI's shape: error.message, error.type, error.code.
type ErrorPaths struct {
	Message  string         `json:"message,omitempty"`
	Type     string         `json:"type,omitempty"`
	Code     string         `json:"code,omitempty"`
	Patterns []ErrorPattern `json:"patterns,omitempty"`
}

// ErrorPattern gives a vendor's error one of our codes; the first that matches counts.
// All members that are set must match.
type ErrorPattern struct {
	Code    ErrorCode `json:"code"`
	Status  int       `json:"status,omitempty"`
	Type    string    `json:"type,omitempty"`    // equal
	VCode   string    `json:"vcode,omitempty"`   // vendor's code, equal
	Message string    `json:"message,omitempty"` // regular expression (RE2), anchored at the message's beginning
	NoRetry bool      `json:"no_retry,omitempty"`
}

// EncodeRequest asks for the vendor's request.
type EncodeRequest struct {
	Endpoint   Endpoint   `json:"endpoint"`
	Stream     bool       `json:"stream"`
	Deployment Deployment `json:"deployment"`
	DropParams []string   `json:"drop_params,omitempty"` // leave these out silently instead of refusing them
	Body       Raw        `json:"body"`                  // raw, canonical
}

// EncodeReply is the vendor's request. URL and headers override the plan's; a
// URL keeps the plan's scheme and host.
type EncodeReply struct {
	URL     string  `json:"url,omitempty"`
	Headers Headers `json:"headers,omitempty"`
	Body    Raw     `json:"body,omitempty"`
	// Form and File stand in the place of Body: a multipart form, or one of the
	// client's files as it came.
	Form []FormPart `json:"form,omitempty"`
	File *FileRef   `json:"file,omitempty"`
	// State comes back in Decode and in the first DecodeEvents.
	State string `json:"state,omitempty"`
	// Notices tell what was left out or changed; the host shows them in a header and the log.
	Notices []string `json:"notices,omitempty"`
}

// FormPart is one part of a multipart form: a value, or a file.
type FormPart struct {
	Name  string   `json:"name"`
	Value string   `json:"value,omitempty"`
	File  *FileRef `json:"file,omitempty"`
}

// FileRef names a file of the client's request by the number that the canonical
// body gives it in "$file" (see package llm). The bytes stay with the host.
type FileRef struct {
	Number      int    `json:"number"`
	Filename    string `json:"filename,omitempty"`     // "" is the client's
	ContentType string `json:"content_type,omitempty"` // "" is the client's
}

// DecodeRequest carries a whole 2xx answer. A body that is not JSON is a JSON
// string: of the text where its media type is text, else of its bytes in base64.
type DecodeRequest struct {
	Endpoint   Endpoint   `json:"endpoint"`
	Deployment Deployment `json:"deployment"`
	Status     int        `json:"status"`
	Headers    Headers    `json:"headers,omitempty"` // content-type, the vendor's request id, and tokens where it counts them there
	State      string     `json:"state,omitempty"`
	Body       Raw        `json:"body"` // raw
}

// DecodeReply is the canonical answer. The body may leave out id, object,
// created, model and usage: the host adds what is missing.
type DecodeReply struct {
	Body  Raw    `json:"body"` // raw, canonical
	Usage *Usage `json:"usage,omitempty"`
	Model string `json:"model,omitempty"` // the served model
	// ContentType says that the answer is not JSON (subtitles, sound): Body is then a
	// JSON string, of text, or of bytes in base64 where Base64 says so.
	ContentType string `json:"content_type,omitempty"`
	Base64      bool   `json:"base64,omitempty"`
	// WaveRate says that the bytes are samples (16 bits, little endian, one channel) of so
	// many a second, before which the host writes the head of a WAV file; 0 says nothing.
	WaveRate int64 `json:"wave_rate,omitempty"`
}

// Usage is what the vendor reported; nil parts were not reported. The parts do
// not overlap: input is without cached tokens, output contains reasoning.
type Usage struct {
	Input        *int64 `json:"input,omitempty"`
	CacheRead    *int64 `json:"cache_read,omitempty"`
	CacheWrite5m *int64 `json:"cache_write_5m,omitempty"`
	CacheWrite1h *int64 `json:"cache_write_1h,omitempty"`
	Output       *int64 `json:"output,omitempty"`
	Reasoning    *int64 `json:"reasoning,omitempty"`
	AudioInput   *int64 `json:"audio_input,omitempty"`
	AudioOutput  *int64 `json:"audio_output,omitempty"`
	ImageInput   *int64 `json:"image_input,omitempty"`
	ImageOutput  *int64 `json:"image_output,omitempty"`
	AudioCached  *int64 `json:"audio_cache_read,omitempty"`
	ImageCached  *int64 `json:"image_cache_read,omitempty"`
	Images       *int64 `json:"images,omitempty"`
	Milliseconds *int64 `json:"milliseconds,omitempty"`
	Characters   *int64 `json:"characters,omitempty"`
	Searches     *int64 `json:"searches,omitempty"`
}

// Event is one event of a vendor's stream.
type Event struct {
	// Name is the SSE event name, or a binary frame's :event-type; an exception
	// frame's is "exception:" + its :exception-type.
	Name string `json:"name,omitempty"`
	// Data is the event's data: raw JSON where it is JSON, else a JSON string.
	Data Raw `json:"data"`
}

// DecodeEventsRequest carries all events at hand, at least one unless End.
type DecodeEventsRequest struct {
	Endpoint Endpoint `json:"endpoint"`
	State    string   `json:"state,omitempty"` // of the previous call; at first that of encode
	Events   []Event  `json:"events"`
	End      bool     `json:"end,omitempty"` // the vendor's stream has ended; no call follows
}

// DecodeEventsReply is what the events mean.
type DecodeEventsReply struct {
	State string `json:"state,omitempty"`
	// Chunks are canonical chunks with at least "choices", at most one choice
	// each. The host adds id, object, created and model, and writes the usage chunk.
	Chunks []Raw  `json:"chunks,omitempty"`
	Usage  *Usage `json:"usage,omitempty"` // a snapshot
	Model  string `json:"model,omitempty"`
	// Error is a failure that the vendor reported within its stream.
	Error *Error `json:"error,omitempty"`
	// Done says that the answer is complete: a stream that ends before is broken.
	Done bool `json:"done,omitempty"`
}

// DecodeErrorRequest carries an answer that is not 2xx.
type DecodeErrorRequest struct {
	Endpoint Endpoint `json:"endpoint,omitempty"` // whose plan was asked by
	Status   int      `json:"status"`
	Headers  Headers  `json:"headers,omitempty"`
	Body     Raw      `json:"body"` // raw JSON, or a JSON string of at most 64 KiB
}

// DecodeErrorReply says what the vendor meant.
type DecodeErrorReply struct {
	Error        Error  `json:"error"`
	VendorType   string `json:"vendor_type,omitempty"`
	VendorCode   string `json:"vendor_code,omitempty"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
	NoRetry      bool   `json:"no_retry,omitempty"`
	// Details is an object: its members stand beside those of the error that clients of
	// OpenAI's API get, as what a filter found. At most 8 KiB.
	Details Raw `json:"details,omitempty"`
}
