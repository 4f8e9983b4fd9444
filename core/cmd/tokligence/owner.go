package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// ownerInfo is what the tables show of an organization, a team or a user.
type ownerInfo struct {
	ID, Name, Email, Role string
	OrganizationID        string    `json:"organization_id"`
	TeamID                string    `json:"team_id"`
	MemberKeys            bool      `json:"member_keys"`
	CreatedAt             time.Time `json:"created_at"`
	ceilingInfo
}

// ownerNoun is what makes the commands of one noun.
type ownerNoun struct {
	use, name, path      string
	create, update, list []apiFlag // what these commands take
	show                 []apiFlag // what is shown beside id and name
}

func orgCommand() *cobra.Command {
	n := ownerNoun{use: "org", name: "organization", path: "/orgs",
		create: []apiFlag{nameFlag}, update: []apiFlag{nameFlag}, list: []apiFlag{nameFlag}}
	c, cmd := n.command("Organizations")
	cmd.AddCommand(memberCommands(c, orgFlag)...)
	return cmd
}

func teamCommand() *cobra.Command {
	n := ownerNoun{use: "team", name: "team", path: "/teams",
		create: []apiFlag{nameFlag, orgFlag, memberKeysFlag}, update: []apiFlag{nameFlag, memberKeysFlag}, list: []apiFlag{nameFlag, orgFlag}, show: []apiFlag{orgFlag, memberKeysFlag}}
	c, cmd := n.command("Teams of organizations")
	cmd.AddCommand(memberCommands(c, teamFlag)...)
	return cmd
}

func projectCommand() *cobra.Command {
	tags := apiFlag{"tags", "tags", "labels of its keys' ledger entries, with commas between"}
	n := ownerNoun{use: "project", name: "project", path: "/projects", create: []apiFlag{nameFlag, teamFlag, tags}, update: []apiFlag{nameFlag, tags},
		list: []apiFlag{nameFlag, orgFlag, teamFlag}, show: []apiFlag{teamFlag, orgFlag}}
	_, cmd := n.command("Projects: groups of keys in a team")
	return cmd
}

func userCommand() *cobra.Command {
	n := ownerNoun{use: "user", name: "user", path: "/users", create: []apiFlag{nameFlag, emailFlag, userRoleFlag}, update: []apiFlag{nameFlag, emailFlag, userRoleFlag},
		list: []apiFlag{nameFlag, emailFlag, orgFlag, teamFlag}, show: []apiFlag{emailFlag, userRoleFlag}}
	c, cmd := n.command("Users")
	cmd.AddCommand(userInviteCommand(c), userResetCommand(c))
	return cmd
}

func (n *ownerNoun) command(short string) (*apiClient, *cobra.Command) {
	c := &apiClient{}
	cmd := &cobra.Command{Use: n.use, Short: short}
	c.flags(cmd)
	one := func(use, short, method string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return n.answer(c, cmd, method, "/"+url.PathEscape(args[0]), nil)
		}}
	}
	cmd.AddCommand(n.createCommand(c), n.listCommand(c), one("show", "Show the "+n.name, "GET"),
		n.updateCommand(c), one("delete", "Delete the "+n.name+"; its history stays", "DELETE"))
	return c, cmd
}

func (n *ownerNoun) updateCommand(c *apiClient) *cobra.Command {
	var body func() map[string]any
	var ceiling ceilingFlags
	cmd := &cobra.Command{Use: "update ID", Short: "Change what is given", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in, err := typed(body())
		if err != nil {
			return err
		}
		ceiling.onto(cmd, in)
		if len(in) == 0 {
			return fmt.Errorf("%w: nothing to change was given", errUsage)
		}
		return n.answer(c, cmd, "PATCH", "/"+url.PathEscape(args[0]), in)
	}}
	body = addFlags(cmd, n.update...)
	ceiling.add(cmd)
	return cmd
}

// answer calls the API and shows the object in its answer, if there is one.
func (n *ownerNoun) answer(c *apiClient, cmd *cobra.Command, method, path string, in any) error {
	raw, err := c.call(method, n.path+path, in)
	if err != nil || len(raw) == 0 {
		return err
	}
	var o ownerInfo
	return c.show(cmd, raw, &o, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nname\t%s\n", o.ID, o.Name)
		for _, f := range n.show {
			fmt.Fprintf(w, "%s\t%s\n", f.flag, o.value(f))
		}
		o.ceilingInfo.write(w)
		fmt.Fprintf(w, "created\t%s\n", o.CreatedAt.Format(time.RFC3339))
	})
}

// typed makes the one member that is no text what it is.
func typed(in map[string]any) (map[string]any, error) {
	if tags, given := in["tags"].(string); given {
		in["tags"] = strings.FieldsFunc(tags, func(r rune) bool { return r == ',' })
	}
	s, given := in["member_keys"].(string)
	if !given {
		return in, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return nil, fmt.Errorf("%w: --member-keys is true or false", errUsage)
	}
	in["member_keys"] = b
	return in, nil
}

func (o *ownerInfo) value(f apiFlag) string {
	switch f {
	case userRoleFlag:
		return o.Role
	case emailFlag:
		return o.Email
	case teamFlag:
		return o.TeamID
	case memberKeysFlag:
		return strconv.FormatBool(o.MemberKeys)
	}
	return o.OrganizationID
}

func (n *ownerNoun) createCommand(c *apiClient) *cobra.Command {
	var body func() map[string]any
	var ceiling ceilingFlags
	cmd := &cobra.Command{Use: "create", Short: "Create one and show it", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		in, err := typed(body())
		if err != nil {
			return err
		}
		ceiling.onto(cmd, in)
		monthly(in)
		return n.answer(c, cmd, "POST", "", in)
	}}
	body = addFlags(cmd, n.create...)
	ceiling.add(cmd)
	return cmd
}

func (n *ownerNoun) listCommand(c *apiClient) *cobra.Command {
	return listCommand(c, "List "+n.name+"s, newest first", n.path, 50, n.list, func(w *tabwriter.Writer, rows []ownerInfo) {
		head := map[apiFlag]string{orgFlag: "\tORGANIZATION", teamFlag: "\tTEAM", emailFlag: "\tEMAIL", userRoleFlag: "\tROLE", memberKeysFlag: "\tMEMBER KEYS"}
		fmt.Fprint(w, "ID\tNAME")
		for _, f := range n.show {
			fmt.Fprint(w, head[f])
		}
		for i := range rows {
			fmt.Fprintf(w, "\n%s\t%s", rows[i].ID, rows[i].Name)
			for _, f := range n.show {
				fmt.Fprint(w, "\t"+rows[i].value(f))
			}
		}
		fmt.Fprintln(w)
	})
}
