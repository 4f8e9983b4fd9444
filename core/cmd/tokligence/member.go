package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// memberInfo is what the tables show of a membership.
type memberInfo struct {
	ID, Role       string
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
	TeamID         string `json:"team_id"`
	UserName       string `json:"user_name"`
	Budget         *budgetInfo
}

// memberCommands are those of the members of an organization or a team, which
// is named by their argument and by place in the API.
func memberCommands(c *apiClient, place apiFlag) []*cobra.Command {
	command := func(use, short string, run func(cmd *cobra.Command, id, user string, given map[string]any) error, flags ...apiFlag) *cobra.Command {
		var given func() map[string]any
		var money ceilingFlags
		cmd := &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			g := given()
			user, _ := g["user_id"].(string)
			if user == "" {
				return fmt.Errorf("%w: --user is needed", errUsage)
			}
			if place == teamFlag && len(flags) > 0 {
				money.onto(cmd, g)
			}
			return run(cmd, args[0], user, g)
		}}
		if place == teamFlag && len(flags) > 0 {
			money.addBudget(cmd)
		}
		given = addFlags(cmd, append(flags, userFlag)...)
		return cmd
	}
	orBudget := ""
	if place == teamFlag {
		orBudget = ", or a budget in the team"
	}
	return []*cobra.Command{
		membersCommand(c, place),
		command("add-member", "Make a user a member", func(cmd *cobra.Command, id, _ string, given map[string]any) error {
			given[place.member] = id
			monthly(given)
			raw, err := c.call("POST", "/memberships", given)
			if err != nil {
				return err
			}
			return showMember(c, cmd, raw)
		}, roleFlag),
		command("update-member", "Give a member another role"+orBudget, func(cmd *cobra.Command, id, user string, given map[string]any) error {
			delete(given, "user_id")
			if len(given) == 0 {
				return fmt.Errorf("%w: nothing to change was given", errUsage)
			}
			m, err := findMember(c, place, id, user)
			if err != nil {
				return err
			}
			raw, err := c.call("PATCH", "/memberships/"+url.PathEscape(m.ID), given)
			if err != nil {
				return err
			}
			return showMember(c, cmd, raw)
		}, roleFlag),
		command("remove-member", "End a membership", func(_ *cobra.Command, id, user string, _ map[string]any) error {
			m, err := findMember(c, place, id, user)
			if err != nil {
				return err
			}
			_, err = c.call("DELETE", "/memberships/"+url.PathEscape(m.ID), nil)
			return err
		}),
	}
}

func showMember(c *apiClient, cmd *cobra.Command, raw []byte) error {
	var m memberInfo
	return c.show(cmd, raw, &m, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nuser\t%s\norg\t%s\n", m.ID, m.UserID, m.OrganizationID)
		if m.TeamID != "" {
			fmt.Fprintf(w, "team\t%s\n", m.TeamID)
		}
		fmt.Fprintf(w, "role\t%s\n", m.Role)
		if m.Budget != nil {
			fmt.Fprintf(w, "budget\t%s\n", m.Budget)
		}
	})
}

// findMember finds the user's membership of the place itself: an organization's
// list has those of its teams, too.
func findMember(c *apiClient, place apiFlag, id, user string) (*memberInfo, error) {
	q := url.Values{place.member: {id}, "user_id": {user}, "limit": {"1000"}}
	raw, err := c.call("GET", "/memberships?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var list struct{ Data []memberInfo }
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("the gateway's answer is not understood: %w", err)
	}
	for i := range list.Data {
		if m := &list.Data[i]; place == teamFlag || m.TeamID == "" {
			return m, nil
		}
	}
	return nil, fmt.Errorf("user %s is not a member of %s", user, id)
}

func membersCommand(c *apiClient, place apiFlag) *cobra.Command {
	var page pageFlags
	cmd := &cobra.Command{Use: "members ID", Short: "List members, newest first", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		raw, err := c.call("GET", "/memberships?"+narrow(page.query(), map[string]any{place.member: args[0]}).Encode(), nil)
		if err != nil {
			return err
		}
		var list struct{ Data []memberInfo }
		err = c.show(cmd, raw, &list, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "USER\tROLE\tTEAM\tNAME\tID")
			for _, m := range list.Data {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.UserID, m.Role, m.TeamID, m.UserName, m.ID)
			}
		})
		return page.tellMore(cmd, raw, err)
	}}
	page.add(cmd, 50)
	return cmd
}
