package keys

import (
	"context"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// Tokens tells what tokens of other issuers stand for.
type Tokens interface {
	// Grant verifies a token: CodeUnauthenticated when it is not valid or of
	// nobody known, CodePermissionDenied when it stands for no key, CodeOverloaded
	// when it cannot be told now.
	Grant(ctx context.Context, token string, now time.Time) (*core.TokenGrant, error)
}

// isToken reports whether a secret has the form of a signed JWT: three parts in
// base64url, the first of which begins with a JSON object.
func isToken(secret string) bool {
	return strings.HasPrefix(secret, "eyJ") && strings.Count(secret, ".") == 2
}

// byToken is the principal of a token of another issuer. The key behind it is
// as good as it is by itself, but opens no management route, whatever its role is,
// and gives out no secret: that would outlive the token, and what narrows it.
func (s *Service) byToken(ctx context.Context, token string, now time.Time) (*found, error) {
	g, err := s.Tokens.Grant(ctx, token, now)
	if err != nil {
		return nil, err
	}
	k, err := s.store.FindKeyByID(ctx, g.KeyID)
	if err != nil && core.AsError(err).Code != core.CodeNotFound {
		return nil, unavailable(err)
	}
	if err != nil || k.DeletedAt != nil {
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "the token stands for a key that does not exist").With(err)
	}
	if k.ParentID != "" { // it is its parent's, whomever the token speaks for
		return nil, core.Errorf(core.CodePermissionDenied, core.SourceClient, "the token stands for a temporary key")
	}
	k.Role, k.MayMint, k.RotateEvery = core.RoleNone, nil, 0
	if g.EndUser != "" {
		k.EndUser = &core.EndUserPolicy{Fixed: g.EndUser}
	}
	if g.Email != "" {
		if err := s.speakFor(ctx, k, g.Email); err != nil {
			return nil, err
		}
	}
	p, err := s.principal(ctx, k)
	if err != nil {
		return nil, unavailable(err)
	}
	if g.Models != nil {
		p.Levels = append(p.Levels, core.Level{Ceiling: core.Ceiling{Models: g.Models}})
	}
	return &found{principal: p, secretEnds: &g.ExpiresAt, until: now.Add(FreshFor)}, nil
}

// speakFor makes k the user's of the address, who must be one where the key belongs.
func (s *Service) speakFor(ctx context.Context, k *core.VirtualKey, email string) error {
	nobody := core.Errorf(core.CodePermissionDenied, core.SourceClient, "the token speaks for somebody who is no user here, or none where its key belongs")
	email, err := core.CheckEmail(email)
	if err != nil {
		return nobody.With(err)
	}
	found, _, err := s.store.ListUsers(ctx, core.UserFilter{Email: &email, Page: core.Page{Limit: 1}})
	if err != nil {
		return unavailable(err)
	}
	if len(found) == 0 {
		return nobody
	}
	k.UserID = found[0].ID
	if k.OrganizationID == "" {
		return nil
	}
	places, _, err := s.store.ListMemberships(ctx, core.MembershipFilter{UserID: &k.UserID, OrganizationID: &k.OrganizationID, Page: core.Page{Limit: 1000}})
	if err != nil {
		return unavailable(err)
	}
	for _, m := range places {
		if m.TeamID == "" || k.TeamID == "" || m.TeamID == k.TeamID {
			return nil
		}
	}
	return nobody
}
