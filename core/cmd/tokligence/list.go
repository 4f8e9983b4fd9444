package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// apiFlag is a flag and the member or parameter of the API that it fills.
type apiFlag struct{ flag, member, help string }

var (
	nameFlag    = apiFlag{"name", "name", "name for people"}
	emailFlag   = apiFlag{"email", "email", "address"}
	orgFlag     = apiFlag{"org", "organization_id", "id of the organization"}
	teamFlag    = apiFlag{"team", "team_id", "id of the team"}
	projectFlag = apiFlag{"project", "project_id", "id of the project"}
	parentFlag  = apiFlag{"parent", "parent_id", "id of the key that made them"}
	kindFlag    = apiFlag{"kind", "kind", "whose: user, service_account (a team's own), organization or installation"}
	userFlag    = apiFlag{"user", "user_id", "id of the user"}
	fromFlag    = apiFlag{"from", "from", "first instant, such as 2026-11-01 or 2026-11-01T12:00:00Z"}
	toFlag      = apiFlag{"to", "to", "instant after the last"}
	roleFlag    = apiFlag{"role", "role", "org_admin in an organization, team_admin in a team, member or viewer in both"}

	userRoleFlag   = apiFlag{"role", "role", "over the whole installation: owner, admin or viewer; \"\" for none"}
	memberKeysFlag = apiFlag{"member-keys", "member_keys", "true or false: its members may make keys of their own in it"}
)

// addFlags adds the flags and returns what reads those that were given, by member.
func addFlags(cmd *cobra.Command, flags ...apiFlag) func() map[string]any {
	values := map[apiFlag]*string{}
	for _, f := range flags {
		values[f] = cmd.Flags().String(f.flag, "", f.help)
	}
	return func() map[string]any {
		out := map[string]any{}
		for f, v := range values {
			if cmd.Flags().Changed(f.flag) {
				out[f.member] = *v
			}
		}
		return out
	}
}

// narrow puts what was given into a query.
func narrow(q url.Values, given map[string]any) url.Values {
	for member, v := range given {
		q.Set(member, fmt.Sprint(v))
	}
	return q
}

// listCommand shows a page of what is at path, limit rows unless told otherwise.
func listCommand[T any](c *apiClient, short, path string, limit int, filters []apiFlag, table func(w *tabwriter.Writer, rows []T)) *cobra.Command {
	var page pageFlags
	var filter func() map[string]any
	cmd := &cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("GET", path+"?"+narrow(page.query(), filter()).Encode(), nil)
		if err != nil {
			return err
		}
		var list struct{ Data []T }
		err = c.show(cmd, raw, &list, func(w *tabwriter.Writer) { table(w, list.Data) })
		return page.tellMore(cmd, raw, err)
	}}
	page.add(cmd, limit)
	filter = addFlags(cmd, filters...)
	return cmd
}

// exportCommand writes all of what is at path, oldest first.
func exportCommand(c *apiClient, short, path string, filters []apiFlag) *cobra.Command {
	var format string
	var filter func() map[string]any
	cmd := &cobra.Command{Use: "export", Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.export(cmd, path+"?"+narrow(url.Values{"format": {format}}, filter()).Encode())
	}}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	filter = addFlags(cmd, filters...)
	return cmd
}
