package adminapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/tokligence/gateway/core"
)

// claimsLast is for how long an idempotency key stands for its first request.
const claimsLast = 24 * time.Hour

// claimed is what a claim keeps sealed: the answer may hold a secret, and the
// request a password.
type claimed struct {
	Request [32]byte        `json:"request"` // SHA-256
	Status  int             `json:"status,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// idempotencyKey is the caller's, "" without one.
func (c *call) idempotencyKey() (string, error) {
	keys := c.r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", core.Invalid("Idempotency-Key", "must be one of 1 to 255 visible ASCII characters")
	}
	return key, nil
}

// once serves a request that makes something, unless it was served before: then
// the answer is the first one. It runs with nobody else changing anything (see
// change), so a claim that is not done is of an attempt that ended in between, by
// a crash or a failure of the database. Such an attempt may have made its object.
// What it makes has the id that the claim keeps: to do it again is a conflict
// with itself then, and the object that is there is answered.
//
// The road not taken is one transaction of the claim and the change: it would
// have to pass through every service that makes something.
func (a *api) once(act action, c *call, answer *held, serve func(*call) error) error {
	key, err := c.idempotencyKey()
	if err != nil {
		return err
	}
	if key == "" || !c.op.once {
		return serve(c)
	}
	request := sha256.Sum256([]byte(c.r.Method + "\x00" + c.r.URL.Path + "\x00" + string(c.raw)))
	mark := sha256.Sum256([]byte(c.caller.actor.Kind + "\x00" + c.caller.actor.ID + "\x00" + key))
	claim := &core.Claim{ID: hex.EncodeToString(mark[:]), Object: core.NewID("", c.now), At: c.now}
	if claim.Sealed, err = a.sealClaim(claim, claimed{Request: request}); err != nil {
		return err
	}
	have, err := a.Store.Claim(c.ctx(), claim, c.now.Add(-claimsLast))
	if err != nil {
		return err
	}
	if have != nil {
		first, err := a.openClaim(have)
		switch {
		case err != nil:
			return err
		case first.Request != request:
			e := core.Invalid("Idempotency-Key", "was used for another request")
			e.Status = http.StatusUnprocessableEntity
			return e
		case have.Done:
			c.replayed = true
			c.w.Header().Set("Idempotency-Replayed", "true")
			writeBody(c.w, first.Status, "application/json", first.Answer)
			return nil
		}
		claim = have
	}
	c.reserved = claim.Object
	err = serve(c)
	if have != nil && core.AsError(err) != nil && core.AsError(err).Code == core.CodeConflict && c.made != "" {
		err = a.again(act, c, err)
	}
	return a.settle(c, claim, claimed{Request: request, Status: answer.status, Answer: answer.body.Bytes()}, err)
}

// settle keeps the answer of a request that was served. A request that came to
// nothing frees its key: its retry has nothing to repeat. After a failure of
// ours nobody knows, and the claim stays as it is.
func (a *api) settle(c *call, claim *core.Claim, done claimed, err error) error {
	ctx := context.WithoutCancel(c.ctx()) // what was done is done, whoever waits for it
	if e := core.AsError(err); e != nil {
		if e.HTTPStatus() < 500 {
			if lost := a.Store.DropClaim(ctx, claim.ID); lost != nil {
				a.Log.Warn("an idempotency key stays claimed by a request that was refused", "error", lost)
			}
		}
		return err
	}
	sealed, err := a.sealClaim(claim, done)
	if err != nil {
		return err
	}
	return a.Store.FinishClaim(ctx, claim.ID, sealed)
}

// again answers with the object that an attempt before has made; refused is what
// making it again came to.
func (a *api) again(act action, c *call, refused error) error {
	s, err := act.find(c, c.made)
	if err != nil {
		return err
	}
	if s == nil || s.state == nil {
		return refused
	}
	c.r = mux.SetURLVars(c.r, map[string]string{"id": c.made})
	if act.again != nil {
		return act.again(c)
	}
	for _, rt := range a.routes() {
		if rt.method == http.MethodGet && rt.path == c.list+"/{id}" {
			w := c.w.(*held)
			err := rt.serve(c)
			w.status = c.op.status
			return err
		}
	}
	return refused
}

func (a *api) sealClaim(claim *core.Claim, v claimed) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return a.Sealer.Seal(core.SealedAt{Kind: "answer", ID: claim.ID}, raw)
}

func (a *api) openClaim(claim *core.Claim) (v claimed, err error) {
	raw, err := a.Sealer.Open(core.SealedAt{Kind: "answer", ID: claim.ID}, claim.Sealed)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	return v, err
}

// newID is the id of an object that is about to be made: of the first one the
// one that the request's claim keeps for it.
func (c *call) newID(prefix string) string {
	if c.reserved == "" {
		return core.NewID(prefix, c.now)
	}
	c.made, c.reserved = prefix+c.reserved, ""
	return c.made
}

// alone keeps a second request with the same idempotency key from waiting for the
// first: it is told so at once, where both reach the same node.
func (a *api) alone(c *call) (done func(), err error) {
	key, err := c.idempotencyKey()
	if key == "" || !c.op.once {
		return func() {}, err
	}
	key = c.caller.actor.Kind + "\x00" + c.caller.actor.ID + "\x00" + key
	if _, running := a.running.LoadOrStore(key, true); running {
		return nil, core.Errorf(core.CodeConflict, core.SourceClient, "a request with this idempotency key is under way")
	}
	return func() { a.running.Delete(key) }, nil
}
