package main

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/jwt"
	"github.com/tokligence/gateway/core/upstream"
)

// tokenIssuers are those of the configuration in force.
type tokenIssuers struct {
	verifier atomic.Pointer[jwt.Verifier]
	issuers  []config.JWT // of the verifier; used by the one who puts a configuration in force
}

// Grant implements keys.Tokens.
func (t *tokenIssuers) Grant(ctx context.Context, token string, now time.Time) (*core.TokenGrant, error) {
	v := t.verifier.Load()
	if v == nil {
		return nil, core.Errorf(core.CodeUnauthenticated, core.SourceClient, "no tokens are taken here")
	}
	return v.Grant(ctx, token, now)
}

// use puts the issuers of a configuration in force. The same ones stay, with what
// they have said of themselves.
func (t *tokenIssuers) use(c *config.Config, client upstream.Client) {
	if reflect.DeepEqual(c.JWTs(), t.issuers) {
		return
	}
	t.issuers = c.JWTs()
	var issuers []jwt.Issuer
	for _, j := range t.issuers {
		i := jwt.Issuer{Issuer: j.Issuer, Audience: j.Audience, KeysURL: j.KeysURL, Algorithms: j.Algorithms, Key: j.Key,
			UserClaim: j.UserClaim, ModelsClaim: j.ModelsClaim, EndUserClaim: j.EndUserClaim}
		for _, r := range j.Rules {
			i.Rules = append(i.Rules, jwt.Rule(r))
		}
		issuers = append(issuers, i)
	}
	t.verifier.Store(jwt.New(issuers, upstream.HTTPClient(client, providerPatience), time.Now))
}
