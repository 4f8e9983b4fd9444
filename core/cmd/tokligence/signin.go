package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/signin"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
)

// providerPatience bounds each request to a sign-in provider.
const providerPatience = 10 * time.Second

// openSignIn makes what lets people in.
func (m *Main) openSignIn(c *config.Config) {
	m.signin = signin.New(signin.Options{Store: m.store, Mailer: m.mailer(c), PublicURL: c.Server.PublicURL, Idle: c.SignIn.SessionIdle, Longest: c.SignIn.SessionLongest,
		Client: upstream.HTTPClient(m.client, providerPatience), Log: m.log})
	for _, o := range c.SignIn.OIDC {
		p := signin.ProviderOptions{Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: o.Scopes, GroupClaim: o.GroupClaim,
			AllowedDomains: o.AllowedDomains, TrustEmail: o.TrustEmail, RedirectURL: strings.TrimRight(c.Server.PublicURL, "/") + adminapi.Prefix + "/sign-in/oidc/callback"}
		for _, g := range o.Mapping {
			p.Mapping = append(p.Mapping, signin.Mapping(g))
		}
		if o.Default != nil {
			d := signin.Mapping(*o.Default)
			p.Default = &d
		}
		m.signin.AddProvider(p)
	}
}

// signUpHelp tells how to become an owner by the ticket.
func signUpHelp(t *signin.Ticket, address string) string {
	return fmt.Sprintf("  Become an owner who signs in with a password, once and within a day:\n  %s/sign-up#token=%s\n\n", address, t.Token)
}

func adminCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "The way in when all others are lost"}
	var path string
	recover := &cobra.Command{Use: "recover", Short: "Make a one-time token to become an owner, or an owner's new password; needs the database", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, problems := config.Load(path, os.LookupEnv)
			if c == nil {
				for _, p := range problems {
					fmt.Fprintln(cmd.ErrOrStderr(), p)
				}
				return errReported
			}
			s, err := store.Open(cmd.Context(), c.Storage.URL, time.Now)
			if err != nil {
				return err
			}
			defer s.Close()
			now := time.Now()
			in := signin.New(signin.Options{Store: s})
			defer in.Close()
			t, err := in.SignUpTicket(cmd.Context(), now)
			if err != nil {
				return err
			}
			if err := s.AppendAudit(cmd.Context(), &core.AuditRecord{ID: core.NewID(core.PrefixAudit, now), At: now, Action: "admin.recover",
				Actor: core.AuditActor{Kind: core.ActorSystem}, Object: core.AuditObject{Kind: "admin"}, Outcome: core.AuditOK}); err != nil {
				return err
			}
			address := c.Server.PublicURL
			if address == "" {
				address = ownURL(c.Server)
			}
			fmt.Fprint(cmd.OutOrStdout(), "\n"+signUpHelp(t, strings.TrimRight(address, "/")))
			return nil
		}}
	recover.Flags().StringVarP(&path, "config", "c", "gateway.toml", "configuration file")
	cmd.AddCommand(recover)
	return cmd
}

// inviteInfo is what the tables show of an invitation.
type inviteInfo struct {
	ID, Email, Role, Link string
	OrganizationID        string     `json:"organization_id"`
	TeamID                string     `json:"team_id"`
	ExpiresAt             time.Time  `json:"expires_at"`
	AcceptedAt            *time.Time `json:"accepted_at"`
	RevokedAt             *time.Time `json:"revoked_at"`
}

func (i *inviteInfo) state() string {
	switch {
	case i.AcceptedAt != nil:
		return "accepted"
	case i.RevokedAt != nil:
		return "revoked"
	case i.ExpiresAt.Before(time.Now()):
		return "expired"
	}
	return "open"
}

var inviteRoleFlag = apiFlag{"role", "role", "owner, admin or viewer over the whole installation; as a member's in an organization or a team"}

// userInviteCommand is `user invite`.
func userInviteCommand(c *apiClient) *cobra.Command {
	var body func() map[string]any
	cmd := &cobra.Command{Use: "invite", Short: "Invite somebody by a link, shown this once", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("POST", "/invites", body())
		if err != nil {
			return err
		}
		var i inviteInfo
		return c.show(cmd, raw, &i, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "id\t%s\nemail\t%s\nrole\t%s\nexpires\t%s\nlink (shown this once)\t%s\n", i.ID, i.Email, i.Role, i.ExpiresAt.Format(time.RFC3339), c.whole(i.Link))
		})
	}}
	body = addFlags(cmd, emailFlag, inviteRoleFlag, orgFlag, teamFlag)
	return cmd
}

// userResetCommand is `user reset-password`.
func userResetCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "reset-password ID", Short: "Make a link by which the user sets a password", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		raw, err := c.call("POST", "/users/"+url.PathEscape(args[0])+"/reset-password", nil)
		if err != nil {
			return err
		}
		var t struct {
			Link      string
			ExpiresAt time.Time `json:"expires_at"`
		}
		return c.show(cmd, raw, &t, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "expires\t%s\nlink (shown this once)\t%s\n", t.ExpiresAt.Format(time.RFC3339), c.whole(t.Link))
		})
	}}
}

// endCommand deletes one object.
func endCommand(c *apiClient, short, path string) *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		_, err := c.call("DELETE", path+"/"+url.PathEscape(args[0]), nil)
		return err
	}}
}

func inviteCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "invite", Short: "Invitations; user invite makes them"}
	c.flags(cmd)
	openFlag := apiFlag{"open", "open", "true: only those that can still be accepted"}
	cmd.AddCommand(listCommand(c, "List invitations, newest first", "/invites", 50, []apiFlag{emailFlag, orgFlag, teamFlag, openFlag}, func(w *tabwriter.Writer, rows []inviteInfo) {
		fmt.Fprintln(w, "ID\tEMAIL\tROLE\tORGANIZATION\tTEAM\tSTATE\tEXPIRES")
		for _, i := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Email, i.Role, i.OrganizationID, i.TeamID, i.state(), i.ExpiresAt.Format(time.RFC3339))
		}
	}), endCommand(c, "Revoke an invitation", "/invites"))
	return cmd
}

func sessionCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "session", Short: "Sessions of people who have signed in"}
	c.flags(cmd)
	cmd.AddCommand(listCommand(c, "List sessions, newest first", "/sessions", 50, []apiFlag{userFlag}, func(w *tabwriter.Writer, rows []core.Session) {
		fmt.Fprintln(w, "ID\tUSER\tSIGNED IN\tLAST SEEN\tFROM\tWITH")
		for _, s := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.UserID, s.CreatedAt.Format(time.RFC3339), s.SeenAt.Format(time.RFC3339), s.RemoteAddress, s.UserAgent)
		}
	}), endCommand(c, "End a session", "/sessions"))
	return cmd
}

// whole is a link with the address that the command knows, where the gateway
// has no public one to begin it with.
func (c *apiClient) whole(link string) string {
	if strings.HasPrefix(link, "/") {
		return strings.TrimRight(c.url, "/") + link
	}
	return link
}
