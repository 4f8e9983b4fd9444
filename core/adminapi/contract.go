package adminapi

import (
	"maps"
	"net/http"
	"reflect"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/events"
)

// operation is what the outside is promised of a route. The same lines make the
// description (see openapi.go) and say which query parameters a request may have.
type operation struct {
	summary string
	query   []string     // names in the table of parameters
	body    reflect.Type // of the request's JSON; nil: there is none
	status  int          // of the answer
	answer  reflect.Type // its JSON; nil: there is none
	media   []string     // of the answer, in place of application/json
	raw     bool         // the request's body is no JSON; the handler reads it
	once    bool         // it takes an idempotency key
	more    bool         // others may add query parameters, which mean nothing
	// redirects: it may answer 303 instead.
	redirects bool
	// problems are the statuses of its own failures, beside those of every route:
	// 400, 401, 403, 404 where an object is named, 413 where there is a body, 5XX.
	problems []int
}

// none is the body or answer of an operation without one.
type none struct{}

func typeOf[T any]() reflect.Type {
	if t := reflect.TypeFor[T](); t != reflect.TypeFor[none]() {
		return t
	}
	return nil
}

// lists is GET of many: a list of T in pages, with the filters.
func lists[T any](summary string, filters ...string) operation {
	return operation{summary: summary, query: append([]string{"limit", "cursor"}, filters...), status: http.StatusOK, answer: reflect.TypeFor[list[T]]()}
}

// gets is GET of one T.
func gets[T any](summary string) operation {
	return operation{summary: summary, status: http.StatusOK, answer: typeOf[T]()}
}

// exports is GET of all T, one a line.
func exports[T any](summary string, filters ...string) operation {
	return operation{summary: summary, query: append([]string{"format"}, filters...), status: http.StatusOK, answer: typeOf[T](),
		media: []string{"application/jsonl", "text/csv"}}
}

// creates is POST of an In that makes an Out. It takes an idempotency key, for
// which its handler names the new object by [call.newID].
func creates[In, Out any](summary string) operation {
	return operation{once: true, summary: summary, body: typeOf[In](), status: http.StatusCreated, answer: typeOf[Out](), problems: []int{http.StatusConflict}}
}

// changes is PATCH with an In of what answers as Out.
func changes[In, Out any](summary string) operation {
	return operation{summary: summary, body: typeOf[In](), status: http.StatusOK, answer: typeOf[Out](), problems: []int{http.StatusConflict}}
}

// deletes is DELETE of one object.
func deletes(summary string) operation {
	return operation{summary: summary, status: http.StatusNoContent, problems: []int{http.StatusConflict}}
}

// acts is POST of something else to do, 204 when it answers nothing.
func acts[In, Out any](summary string) operation {
	o := operation{summary: summary, body: typeOf[In](), status: http.StatusOK, answer: typeOf[Out](), problems: []int{http.StatusConflict}}
	if o.answer == nil {
		o.status = http.StatusNoContent
	}
	return o
}

// repeatable has an operation take an idempotency key.
func (o operation) repeatable() operation {
	o.once = true
	return o
}

// also adds statuses of an operation's own failures.
func also(o operation, problems ...int) operation {
	o.problems = append(o.problems, problems...)
	return o
}

var (
	auditFilters = []string{"action", "object_kind", "object_id", "actor_id", "from", "to"}
	entryFilters = []string{"exchange_id", "organization_id", "team_id", "project_id", "user_id", "key_id", "model", "deployment", "outcome", "from", "to"}
)

// contract has every route; a test holds that none is missing, and that no
// answer and no accepted body of any other test is different from what stands here.
func contract() map[string]operation {
	all := configContract()
	maps.Copy(all, signInContract())
	maps.Copy(all, map[string]operation{
		"GET /keys":                   lists[keyView]("List virtual keys, newest first", "name", "blocked", "kind", "organization_id", "team_id", "project_id", "user_id", "parent_id"),
		"POST /keys":                  creates[keyInput, keyView]("Create a virtual key, whose secret is shown this once"),
		"POST /keys/temporary":        {summary: "Make a temporary key for the key that asks, by its may_mint; the secret is shown this once", body: typeOf[temporaryInput](), status: http.StatusCreated, answer: typeOf[keyView](), problems: []int{http.StatusConflict}, once: true},
		"POST /keys/bulk":             acts[bulkInput, list[bulkResult]]("Block, unblock or delete up to 1000 keys, each for itself"),
		"GET /keys/{id}":              gets[keyView]("Get a virtual key"),
		"PATCH /keys/{id}":            changes[keyPatch, keyView]("Change a virtual key"),
		"DELETE /keys/{id}":           deletes("Delete a virtual key"),
		"POST /keys/{id}/rotate":      acts[rotateInput, keyView]("Give a virtual key a new secret, which is shown this once").repeatable(),
		"POST /keys/{id}/block":       acts[none, keyView]("Block a virtual key"),
		"POST /keys/{id}/unblock":     acts[none, keyView]("Unblock a virtual key"),
		"GET /orgs":                   lists[organizationView]("List organizations, newest first", "name"),
		"POST /orgs":                  creates[orgInput, organizationView]("Create an organization"),
		"GET /orgs/{id}":              gets[organizationView]("Get an organization"),
		"PATCH /orgs/{id}":            changes[ownerPatch, organizationView]("Change an organization"),
		"DELETE /orgs/{id}":           deletes("Delete an organization without teams and keys"),
		"GET /teams":                  lists[teamView]("List teams, newest first", "name", "organization_id"),
		"POST /teams":                 creates[teamInput, teamView]("Create a team"),
		"GET /teams/{id}":             gets[teamView]("Get a team"),
		"PATCH /teams/{id}":           changes[teamPatch, teamView]("Change a team"),
		"DELETE /teams/{id}":          deletes("Delete a team without keys"),
		"GET /projects":               lists[projectView]("List projects, newest first", "name", "organization_id", "team_id"),
		"POST /projects":              creates[projectInput, projectView]("Create a project: a group of keys in a team"),
		"GET /projects/{id}":          gets[projectView]("Get a project"),
		"PATCH /projects/{id}":        changes[projectPatch, projectView]("Change a project"),
		"DELETE /projects/{id}":       deletes("Delete a project without keys"),
		"GET /users":                  lists[userView]("List users, newest first", "name", "email", "organization_id", "team_id"),
		"POST /users":                 creates[userInput, userView]("Create a user"),
		"GET /users/{id}":             gets[userView]("Get a user"),
		"PATCH /users/{id}":           changes[userPatch, userView]("Change a user"),
		"DELETE /users/{id}":          deletes("Delete a user without keys"),
		"GET /memberships":            lists[membershipView]("List memberships, newest first", "organization_id", "team_id", "user_id"),
		"POST /memberships":           creates[membershipInput, membershipView]("Make a user a member of an organization or a team"),
		"GET /memberships/{id}":       gets[membershipView]("Get a membership"),
		"PATCH /memberships/{id}":     changes[membershipPatch, membershipView]("Give a membership another role or budget"),
		"DELETE /memberships/{id}":    deletes("End a membership"),
		"GET /model-groups":           lists[modelGroupView]("List model groups: those of the configuration, and then the others, newest first", "name"),
		"POST /model-groups":          creates[modelGroupInput, modelGroupView]("Create a model group"),
		"GET /model-groups/{id}":      gets[modelGroupView]("Get a model group"),
		"PATCH /model-groups/{id}":    changes[modelGroupPatch, modelGroupView]("Give a model group another list"),
		"DELETE /model-groups/{id}":   deletes("Delete a model group that nothing names"),
		"GET /ledger":                 lists[core.LedgerEntry]("List ledger entries, newest first", entryFilters...),
		"GET /ledger/export":          exports[core.LedgerEntry]("Export ledger entries, oldest first", entryFilters...),
		"POST /ledger/verify":         acts[none, verification]("Compare everything derived with the entries"),
		"POST /ledger/rebuild":        acts[none, none]("Make everything derived anew from the entries"),
		"GET /audit":                  lists[core.AuditRecord]("List audit records, newest first", auditFilters...),
		"GET /audit/export":           exports[core.AuditRecord]("Export audit records, oldest first", auditFilters...),
		"GET /usage":                  lists[core.UsageSum]("Sum usage over whole hours, the last thirty days unless told otherwise", "by", "from", "to", "organization_id", "team_id", "project_id", "user_id", "key_id"),
		"GET /models":                 lists[ModelInfo]("List model aliases with the state of their deployments, by name"),
		"POST /models/{name:.+}/test": acts[none, TestResult]("Send one small request through a model alias, at its cost"),
		"GET /encryption":             gets[encryption]("Tell on which encryption keys the sealed secrets in the database depend"),
		"POST /encryption/reseal":     acts[none, resealed]("Seal all secrets in the database anew with the current encryption key"),
		"GET /plugins":                lists[PluginInfo]("List declared plugins, by id"),

		"GET /events":                   lists[core.Event]("List events, newest first", "type", "organization_id", "from", "to"),
		"GET /events/{id}":              gets[core.Event]("Get an event"),
		"POST /events/{id}/replay":      acts[replayInput, list[core.Delivery]]("Deliver an event once more, under its own id"),
		"GET /webhooks":                 lists[webhookView]("List webhooks, newest first", "organization_id", "enabled"),
		"POST /webhooks":                creates[webhookInput, webhookView]("Create a webhook, whose secret is shown this once"),
		"GET /webhooks/{id}":            gets[webhookView]("Get a webhook"),
		"PATCH /webhooks/{id}":          changes[webhookPatch, webhookView]("Change a webhook"),
		"DELETE /webhooks/{id}":         deletes("Delete a webhook"),
		"POST /webhooks/{id}/rotate":    acts[rotateInput, webhookView]("Give a webhook a new secret, which is shown this once").repeatable(),
		"POST /webhooks/{id}/test":      acts[none, events.WebhookTest]("Post an event of type webhook.test at once"),
		"GET /webhooks/{id}/deliveries": lists[core.Delivery]("List deliveries to a webhook, newest first", "state"),
	})
	return all
}

// parameter is a query parameter, which means the same on every route.
type parameter struct {
	kind    string   // integer, boolean, time; "" is text
	options []string // all its values, if they are few
	def     string   // of the options; "" is no filter
	doc     string   // in place of what words says
}

// parameters are all there are.
var parameters = map[string]parameter{
	"limit":           {kind: "integer", doc: "How many items a page has at most, from 1 to 1000; 50 unless given."},
	"cursor":          {doc: "Where the page begins: the next_cursor of the page before it."},
	"format":          {options: []string{"jsonl", "csv"}, def: "jsonl", doc: "JSON Lines, or CSV with a header."},
	"by":              {options: core.UsageDimensions, def: "model", doc: "What to sum by."},
	"from":            {kind: "time", doc: "The first instant: a time (RFC 3339) or a date. Of revisions that are compared: the number of the earlier."},
	"to":              {kind: "time", doc: "The instant before which it ends: a time (RFC 3339) or a date. Of revisions that are compared: the number of the later."},
	"blocked":         {kind: "boolean"},
	"open":            {kind: "boolean", doc: "Those that can still be accepted."},
	"provider":        {doc: "Which one, where there are several."},
	"return_to":       {doc: "The path to go to afterwards; without it the answer is JSON."},
	"enabled":         {kind: "boolean"},
	"state":           {options: deliveryStates},
	"type":            {doc: "Those of this type, such as key.created."},
	"outcome":         {options: outcomes},
	"origin":          {options: []string{string(core.OriginFile), string(core.OriginAPI)}},
	"name":            {doc: "Those with exactly this name."},
	"email":           {},
	"kind":            {options: keyKinds},
	"parent_id":       {},
	"organization_id": {}, "team_id": {}, "project_id": {}, "user_id": {}, "key_id": {},
	"exchange_id": {}, "model": {}, "deployment": {},
	"action": {}, "object_kind": {}, "object_id": {}, "actor_id": {},
}

// words are what members and parameters mean, by their names.
var words = map[string]string{
	"id":                "What names it for good.",
	"name":              "What people call it, up to 200 bytes.",
	"email":             "An address, in lower case.",
	"organization_id":   "The organization that it belongs to, or is asked for.",
	"team_id":           "The team that it belongs to, or is asked for.",
	"project_id":        "The project that it belongs to, or is asked for.",
	"kind":              "Whose key it is: a user's, a team's own (a service account), an organization's, or nobody's.",
	"user_id":           "The user that it belongs to, or is asked for.",
	"key_id":            "The virtual key.",
	"exchange_id":       "The request of a client, as x-tokligence-exchange-id named it.",
	"model":             "The model name that clients ask for.",
	"deployment":        "The deployment that served.",
	"role":              "What its holder may do.",
	"prefix":            "The visible beginning of the secret.",
	"last_four":         "The visible end of the secret.",
	"all_models":        "It may call every model alias.",
	"models":            "The model aliases that it may call or, as group:NAME, those of a model group; none when the list is empty.",
	"may_mint":          "Which temporary keys it may make with its own secret; null is none.",
	"max_ttl":           "The longest that one lives, such as 24h.",
	"max_keys":          "How many may live at the same time.",
	"max_budget":        "The most that each may spend, in dollars; absent is no budget of its own.",
	"ttl":               "How long it lives, such as 15m; as long as may be unless given.",
	"parent_id":         "The key that made it, with the budgets and limits of which it works.",
	"parent_key_id":     "The key that made the temporary one.",
	"rotate_every":      "How long a secret is good for, such as 720h; 0s is for ever. The time runs from when this is set, and from each rotation.",
	"rotation_grace":    "How much longer the secret works when a rotation is due, and after one that the key itself has asked for.",
	"rotated_at":        "When the newest secret was made, or its schedule began.",
	"rotation_due_at":   "When it is to have a new secret; null is never.",
	"guardrails":        "Names of guardrails beside those of the route: they add to them and take none away.",
	"end_user":          "Whose word names the client's own user, a label that selects no payer; null is the body's user.",
	"metadata":          "What the body's member metadata may be; null is anything.",
	"from":              "The places that name it, body (user), header, metadata (metadata.user_id): the first that does counts.",
	"header":            "The header's name, in lower case; empty is x-tokligence-end-user.",
	"fixed":             "The one of all requests, whatever they say.",
	"allowed":           "Names that it may have; null is any, an empty list none.",
	"required":          "What a request must have.",
	"unknown_models":    "Those of its models that no alias and no group has now.",
	"origin":            "Where it was made, and so is changed: the configuration file, or this API.",
	"ip_ranges":         "Where it may be used from; null is everywhere, an empty list nowhere.",
	"endpoints":         "What it may be used for; null is everything, an empty list nothing.",
	"limits":            "Rates over a sliding minute.",
	"rpm":               "Requests a minute; absent or 0 is no limit.",
	"tpm":               "Input and output tokens a minute; absent or 0 is no limit.",
	"parallel":          "Requests at the same time; absent or 0 is no limit.",
	"budget":            "Money that it may spend in each period.",
	"amount":            "Dollars as a decimal string.",
	"period":            "How often the budget starts anew.",
	"timezone":          "The IANA time zone of the period's boundaries; empty is UTC.",
	"thresholds":        "Percentages of the amount at which an event tells what is spent.",
	"policy":            "What happens to a request whose worst case does not fit: refused, or its output made shorter.",
	"spent":             "What was spent in this period.",
	"reserved":          "What is held for requests under way.",
	"resets_at":         "When the period ends; null is never.",
	"tags":              "Words to find it by.",
	"blocked":           "Whether it is refused until it is unblocked.",
	"expires_at":        "When it ends; null is never.",
	"created_at":        "When it was made.",
	"updated_at":        "When it was last changed.",
	"deleted_at":        "When it was deleted.",
	"token":             "What opens the door once. It is not shown again.",
	"link":              "The address to send somebody to, with the token.",
	"csrf_token":        "What a browser sends as X-CSRF-Token with whatever changes something.",
	"session_id":        "The session that asks.",
	"last_seen_at":      "When it was last used, to a minute.",
	"remote_address":    "Where it came from.",
	"user_agent":        "What the browser calls itself.",
	"password":          "At least 12 characters, and not the name or the address.",
	"accepted_at":       "When it was accepted; null while it was not.",
	"revoked_at":        "When it was revoked; null while it was not.",
	"invited_by":        "Who made it.",
	"last_used_at":      "When it was last used.",
	"secret":            "What a client presents. It is shown once and cannot be read again.",
	"at":                "When it began.",
	"action":            "What was done: noun and verb, such as key.create.",
	"object_kind":       "The noun of what was acted on, such as key.",
	"object_id":         "What was acted on.",
	"actor_id":          "Who acted.",
	"before":            "What was acted on as it stood before; null for nothing.",
	"after":             "What was acted on as it stood afterwards; null for nothing.",
	"repeats":           "How many refusals of the same action by the same actor have no record of their own, and are told by this one.",
	"outcome":           "How it ended.",
	"error_code":        "Why it failed.",
	"url":               "Where events are posted to, without what may be secret of the address.",
	"description":       "What it is for, for people.",
	"types":             "The types of events that it gets; none when the list is empty, all when it is \"*\".",
	"type":              "What it is; of an event noun and verb, such as key.created.",
	"enabled":           "Whether it is in use.",
	"disabled_reason":   "Why the gateway disabled it.",
	"failing_since":     "Since when every attempt failed.",
	"event_id":          "The event, which is the id of the message too.",
	"webhook_id":        "The webhook.",
	"state":             "How it stands.",
	"attempts":          "The tries, or how many there were.",
	"next_at":           "When it is tried again.",
	"last_at":           "When it was last tried; null is never.",
	"last_status":       "The status that was answered last.",
	"last_error":        "Why the last attempt failed.",
	"next_cursor":       "The cursor of the next page; null on the last one.",
	"data":              "The items of this page.",
	"unpriced":          "Whether, or how often, a model without a price was used: the amount is not all then.",
	"deployed_model":    "The model that the deployment asks its provider for.",
	"served_model":      "The model that the provider says has answered.",
	"requested_model":   "The model name that the client asked for.",
	"corrects":          "The entry that this one amends.",
	"code":              "What failed, for programs.",
	"detail":            "What failed, for people.",
	"param":             "The member or parameter at fault.",
	"group":             "What the row sums; empty for what has none.",
	"organization_name": "The name of the organization.",
	"team_name":         "The name of the team.",
	"project_name":      "The name of the project.",
	"user_name":         "The name of the user.",
	"place":             "Where it stands in a file.",
	"targets":           "Its deployments as they are right now.",
	"number":            "The number of the revision.",
	"revision":          "The number of a revision.",
	"cause":             "Why the revision was made.",
	"author":            "Who made the revision.",
	"in_force":          "Whether requests are served by it.",
	"content":           "All values of files and API by path, as they were written, with secrets masked.",
	"stale":             "Whether something newer could not be put in force.",
	"problems":          "Why something newer is not in force.",
	"restored":          "The revision whose objects are in force again.",
	"remaining":         "What differs from that revision all the same: what the files say today.",
	"changes":           "The values that differ.",
	"path":              "Where a value stands: kind, name and key.",
	"calls":             "How often it was called.",
	"faults":            "How often it failed.",
	"last_fault":        "Why it failed last.",
	"instances":         "How many of it run.",
	"cooling_until":     "Until when it is skipped.",
	"in_flight":         "Requests under way.",
	"latency_ms":        "How long it takes, in milliseconds.",
	"priced":            "Whether its price is known.",
	"strategy":          "The plugin that orders the deployments.",
	"fallbacks":         "The model aliases that are tried when all deployments failed.",
	"deployments":       "Where requests for it may go.",
	"source":            "Where it comes from.",
	"version":           "Its version.",
	"sha256":            "The SHA-256 of its file.",
	"provider":          "The provider, by its plugin.",
	"endpoint":          "What was asked for, such as chat or embeddings.",
	"stream":            "Whether the answer came as events.",
	"status":            "The HTTP status.",
	"reason":            "Why.",
	"findings":          "What guardrails found.",
	"cache_hit":         "Whether the answer came from a cache.",
	"ended_at":          "When it ended.",
	"latency_ns":        "How long it took, in nanoseconds.",
	"first_byte_ns":     "How long the first event of a stream took, in nanoseconds.",
	"price_id":          "The price that was in force.",
	"usage":             "What was counted, in parts that do not overlap.",
	"input":             "Tokens read that none of the other parts has.",
	"output":            "Tokens written that none of the other parts has.",
	"cache_read":        "Tokens read from the provider's cache.",
	"cache_write_5m":    "Tokens written to the provider's cache for five minutes.",
	"cache_write_1h":    "Tokens written to the provider's cache for an hour.",
	"reasoning":         "How much of output the client did not see.",
	"input_tokens":      "All tokens read.",
	"output_tokens":     "All tokens written.",
	"requests":          "How many requests there were.",
	"ids":               "What to do it with, up to 1000.",
	"done":              "Whether it was done.",
	"differences":       "Where what is derived disagrees; none when all is well.",
	"where":             "What disagrees.",
	"want":              "What it should be.",
	"have":              "What it is.",
	"error":             "Why it failed.",
	"actor":             "Who acted.",
	"object":            "What was acted on.",
	"ok":                "Whether it worked.",
	"message":           "What came of it, for people.",
	"title":             "The status in words.",
	"why":               "Why it is so.",
}
