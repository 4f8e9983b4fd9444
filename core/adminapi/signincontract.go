package adminapi

import (
	"net/http"

	"github.com/tokligence/gateway/core/signin"
)

// signInContract is the part of the contract about getting in.
func signInContract() map[string]operation {
	return map[string]operation{
		"GET /me":                         gets[meView]("Tell who asks: which key or which person, with the token that a browser's changes need"),
		"GET /sign-in":                    gets[signInWays]("Tell how people can sign in"),
		"POST /sign-in":                   also(acts[signInInput, entryView]("Sign in with a password, for a session cookie"), http.StatusTooManyRequests),
		"POST /sign-out":                  acts[none, none]("End the session that asks"),
		"GET /sign-in/oidc":               {summary: "Go to an OpenID provider to sign in", query: []string{"provider", "return_to"}, status: http.StatusSeeOther},
		"GET /sign-in/oidc/callback":      {summary: "Come back from an OpenID provider; redirects where it was told to return to", more: true, status: http.StatusOK, answer: typeOf[entryView](), redirects: true},
		"POST /signup":                    created(also(acts[signUpInput, entryView]("Become an owner by a one-time token"), http.StatusTooManyRequests)),
		"POST /password":                  also(acts[passwordInput, entryView]("Change one's own password, which ends all sessions for a new one"), http.StatusTooManyRequests),
		"POST /password/reset":            also(acts[resetInput, none]("Ask for a mail with a link to set a password; the answer is always the same"), http.StatusTooManyRequests),
		"POST /password/reset/confirm":    acts[confirmInput, none]("Set a password by the token of a link"),
		"GET /sessions":                   lists[sessionView]("List sessions that have not ended, newest first", "user_id"),
		"DELETE /sessions/{id}":           deletes("End a session"),
		"GET /invites":                    lists[inviteView]("List invitations, newest first", "organization_id", "team_id", "email", "open"),
		"POST /invites":                   created(acts[inviteInput, inviteView]("Invite somebody by a link, which is shown this once")).repeatable(),
		"GET /invites/{id}":               gets[inviteView]("Get an invitation"),
		"DELETE /invites/{id}":            deletes("Revoke an invitation"),
		"POST /invites/accept":            acts[acceptInput, entryView]("Accept an invitation by its token"),
		"POST /users/{id}/reset-password": acts[none, signin.Ticket]("Make a link by which the user sets a password"),
	}
}

// created is an operation that answers 201, and makes another object each time.
func created(o operation) operation {
	o.status = http.StatusCreated
	return o
}

// signInActions are those of the same routes. What has none makes its record itself.
func (a *api) signInActions() map[string]action {
	return map[string]action{
		"POST /sign-in":                   {},
		"POST /sign-out":                  {},
		"POST /signup":                    {},
		"POST /password":                  {},
		"POST /password/reset":            {},
		"POST /password/reset/confirm":    {},
		"POST /invites/accept":            {},
		"DELETE /sessions/{id}":           a.auditSession("session.delete"),
		"POST /invites":                   a.auditInvite("invite.create").repeatedBy(a.againInvite),
		"DELETE /invites/{id}":            a.auditInvite("invite.revoke"),
		"POST /users/{id}/reset-password": {name: "user.reset_password", find: a.auditUser("").find, still: true},
	}
}
