package core

import (
	"context"
	"encoding/json"
	"time"
)

// ObjectKind is what a configuration object is: the word of its table in
// gateway.toml.
type ObjectKind string

// The kinds of objects that can be made by API as well as in a file.
const (
	ObjectCredential ObjectKind = "credential"
	ObjectDeployment ObjectKind = "deployment"
	ObjectModel      ObjectKind = "model"
	ObjectGuardrail  ObjectKind = "guardrail"
)

// Origin says where a configuration object was made, and so where it can be
// changed.
type Origin string

// The origins.
const (
	OriginFile Origin = "file"
	OriginAPI  Origin = "api"
)

// ConfigObject is one [[credential]], [[deployment]], [[model]] or [[guardrail]].
// Kind and name together are its identity: a name is taken once, whatever the
// origin.
type ConfigObject struct {
	ID     string // cfg_…: one that is made anew has another; "" in a file
	Kind   ObjectKind
	Name   string
	Origin Origin
	Place  string // where it stands: "gateway.toml:12"; "" by API
	// Owner is the organization, or the team of one, whose keys alone may use the
	// object; the zero Place is everybody. Only what is made by API has one, and a
	// guardrail has none.
	Owner Place
	// Settings are its keys as they were written, but for the name, as a JSON
	// object. In what the store keeps null stands for each secret of a credential,
	// and in what is for showing a mask for all that looks like a secret.
	Settings json.RawMessage
	// Sealed are the secrets of a credential, by key; "" when there are none. They
	// open at the place of the object's kind and id.
	Sealed string
	// Locked says why they could not be opened, in what is put in force.
	Locked    string
	CreatedAt time.Time // zero in a file
	UpdatedAt time.Time
}

// Cause says why a revision was made.
type Cause string

// The causes.
const (
	CauseStart    Cause = "start"    // the files were others than when the gateway stopped
	CauseReload   Cause = "reload"   // the files changed
	CauseAPI      Cause = "api"      // an object was made, changed or deleted
	CauseRollback Cause = "rollback" // the objects of an older revision were restored
	CauseCommand  Cause = "command"  // an object was taken out while the gateway stood still
)

// Revision is one configuration that was put in force: what the files said and
// what was made by API. It is immutable.
type Revision struct {
	Number  int64 // 1, 2, 3, … without a gap
	At      time.Time
	Cause   Cause
	Author  AuditActor
	Objects []ConfigObject // those made by API, oldest first
	// Content is the whole as it was written, with secrets masked: a JSON object
	// of values by path, such as "deployment[gpt].weight". Two of them can be
	// compared.
	Content json.RawMessage
}

// RevisionStore keeps all revisions. Methods are safe for concurrent use, also
// by several gateways.
type RevisionStore interface {
	// AppendRevision stores r behind the latest revision, whose number is one
	// less; CodeConflict, and nothing stored, when another one came first.
	AppendRevision(ctx context.Context, r *Revision) error
	// LatestRevision is the highest number, 0 when there is no revision.
	LatestRevision(ctx context.Context) (int64, error)
	// FindRevision returns the revision whole; CodeNotFound when there is none of
	// that number.
	FindRevision(ctx context.Context, number int64) (*Revision, error)
	// ListRevisions returns newest first, without objects and content; the cursor
	// is a number.
	ListRevisions(ctx context.Context, p Page) (list []*Revision, next string, err error)
}

// ConfigChange is a change of one object that is made by API.
type ConfigChange struct {
	ID   string // of a new object
	Kind ObjectKind
	Name string
	// Owner is that of a new object.
	Owner Place
	// Verb is what to do.
	Verb ConfigVerb
	// Settings are the keys to set: all but the name of a new object, or those to
	// replace, where null takes a key away.
	Settings map[string]json.RawMessage
}

// ConfigVerb is what a change does to an object.
type ConfigVerb string

// The verbs.
const (
	ConfigCreate ConfigVerb = "create"
	ConfigUpdate ConfigVerb = "update"
	ConfigDelete ConfigVerb = "delete"
)

// ConfigState is the configuration in force, and what stands in the way of a
// newer one.
type ConfigState struct {
	Revision int64
	At       time.Time
	Cause    Cause
	Author   AuditActor
	// Stale is true while the files, or the objects that another node changed,
	// cannot be put in force; Problems say why.
	Stale    bool
	Problems []string
}
