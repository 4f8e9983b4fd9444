package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// keyInfo is what the tables show of a key.
type keyInfo struct {
	ID, Name, Prefix, Role, Secret string
	LastFour                       string `json:"last_four"`
	OrganizationID                 string `json:"organization_id"`
	TeamID                         string `json:"team_id"`
	ProjectID                      string `json:"project_id"`
	UserID                         string `json:"user_id"`
	Endpoints                      []string
	IPRanges                       []string        `json:"ip_ranges"`
	EndUser                        json.RawMessage `json:"end_user"`
	Metadata                       json.RawMessage
	MayMint                        json.RawMessage `json:"may_mint"`
	ParentID                       string          `json:"parent_id"`
	RotationDueAt                  *time.Time      `json:"rotation_due_at"`
	UnknownModels                  []string        `json:"unknown_models"`
	Blocked                        bool
	ExpiresAt                      *time.Time `json:"expires_at"`
	ceilingInfo
}

type budgetInfo struct {
	Amount, Period, Timezone, Policy, Spent, Reserved string
	ResetsAt                                          *time.Time `json:"resets_at"`
}

func (b *budgetInfo) String() string {
	s := fmt.Sprintf("$%s of $%s spent, $%s reserved, period %s", b.Spent, b.Amount, b.Reserved, b.Period)
	if b.Timezone != "" {
		s += " in " + b.Timezone
	}
	if b.ResetsAt != nil {
		s += " until " + b.ResetsAt.Format(time.RFC3339)
	}
	return s + ", " + b.Policy
}

func keyCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "key", Short: "Virtual keys"}
	c.flags(cmd)
	one := func(use, short, method, path string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.call(method, "/keys/"+url.PathEscape(args[0])+path, nil)
			if err != nil || len(raw) == 0 {
				return err
			}
			return showKey(c, cmd, raw)
		}}
	}
	some := func(use, short, method, path string) *cobra.Command {
		cmd := one(use, short, method, path)
		this := cmd.RunE
		cmd.Use, cmd.Args = use+" ID…", cobra.MinimumNArgs(1)
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return this(cmd, args)
			}
			return bulkKeys(c, cmd, use, args)
		}
		return cmd
	}
	cmd.AddCommand(keyCreateCommand(c), listCommand(c, "List keys, newest first", "/keys", 50, []apiFlag{orgFlag, teamFlag, projectFlag, userFlag, kindFlag, parentFlag}, keyTable), keyUpdateCommand(c), keyRotateCommand(c), keyTemporaryCommand(c),
		one("show", "Show a key", "GET", ""), some("block", "Block keys at once", "POST", "/block"),
		some("unblock", "Let blocked keys work again", "POST", "/unblock"), some("delete", "Delete keys; their history stays", "DELETE", ""))
	return cmd
}

// bulkKeys does one thing to many keys and fails when it was not done to each.
func bulkKeys(c *apiClient, cmd *cobra.Command, action string, ids []string) error {
	raw, err := c.call("POST", "/keys/bulk", map[string]any{"action": action, "ids": ids})
	if err != nil {
		return err
	}
	var list struct {
		Data []struct {
			ID, Detail string
			Done       bool
		}
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("the gateway's answer is not understood: %w", err)
	}
	left := 0
	for i := range list.Data {
		if !list.Data[i].Done {
			left++
		} else {
			list.Data[i].Detail = "done"
		}
	}
	err = c.show(cmd, raw, &struct{}{}, func(w *tabwriter.Writer) {
		for _, r := range list.Data {
			fmt.Fprintf(w, "%s\t%s\n", r.ID, r.Detail)
		}
	})
	if err == nil && left > 0 {
		err = fmt.Errorf("%s: not done to %d of %d keys", action, left, len(ids))
	}
	return err
}

func showKey(c *apiClient, cmd *cobra.Command, raw []byte) error {
	var k keyInfo
	return c.show(cmd, raw, &k, func(w *tabwriter.Writer) {
		if k.Secret != "" {
			fmt.Fprintf(w, "secret (shown this once)\t%s\n", k.Secret)
		}
		fmt.Fprintf(w, "id\t%s\nname\t%s\nkey\t%s…%s\nstate\t%s\n", k.ID, k.Name, k.Prefix, k.LastFour, k.state())
		for _, owner := range [][2]string{{"org", k.OrganizationID}, {"team", k.TeamID}, {"project", k.ProjectID}, {"user", k.UserID}, {"made by", k.ParentID}} {
			if owner[1] != "" {
				fmt.Fprintf(w, "%s\t%s\n", owner[0], owner[1])
			}
		}
		if len(k.IPRanges) > 0 {
			fmt.Fprintf(w, "addresses\t%s\n", strings.Join(k.IPRanges, ", "))
		}
		if len(k.Endpoints) > 0 {
			fmt.Fprintf(w, "endpoints\t%s\n", strings.Join(k.Endpoints, ", "))
		}
		if k.Role != "" {
			fmt.Fprintf(w, "role\t%s\n", k.Role)
		}
		if k.ExpiresAt != nil {
			fmt.Fprintf(w, "expires\t%s\n", k.ExpiresAt.Format(time.RFC3339))
		}
		if k.RotationDueAt != nil {
			fmt.Fprintf(w, "rotation due\t%s\n", k.RotationDueAt.Format(time.RFC3339))
		}
		k.ceilingInfo.write(w)
		for _, policy := range []struct {
			member string
			text   json.RawMessage
		}{{"end user", k.EndUser}, {"metadata", k.Metadata}, {"may mint", k.MayMint}} {
			if len(policy.text) > 0 && string(policy.text) != "null" {
				fmt.Fprintf(w, "%s\t%s\n", policy.member, policy.text)
			}
		}
		if len(k.UnknownModels) > 0 {
			fmt.Fprintf(w, "unknown\t%s\n", strings.Join(k.UnknownModels, ", "))
		}
	})
}

func limitsText(l core.Limits) string {
	var parts []string
	add := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(l.RPM, "requests a minute")
	add(l.TPM, "tokens a minute")
	add(l.Parallel, "in parallel")
	return strings.Join(parts, ", ")
}

func (c *ceilingInfo) models() string {
	if c.AllModels {
		return "all"
	}
	if len(c.Models) == 0 {
		return "none"
	}
	return strings.Join(c.Models, ", ")
}

func (k *keyInfo) state() string {
	switch {
	case k.Blocked:
		return "blocked"
	case k.ExpiresAt != nil && !time.Now().Before(*k.ExpiresAt):
		return "expired"
	}
	return "active"
}

func keyTable(w *tabwriter.Writer, keys []keyInfo) {
	fmt.Fprintln(w, "ID\tNAME\tKEY\tMODELS\tSPENT\tSTATE")
	for i := range keys {
		k := &keys[i]
		spent := ""
		if k.Budget != nil {
			spent = "$" + k.Budget.Spent + " of $" + k.Budget.Amount
		}
		fmt.Fprintf(w, "%s\t%s\t%s…%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Prefix, k.LastFour, k.models(), spent, k.state())
	}
}

// keyFlags are what creating and updating have in common; only those that were
// given are sent.
type keyFlags struct {
	ceilingFlags
	name, expires           string
	endUser, metadata       string
	mint                    string
	rotateEvery, grace      time.Duration
	tags, ranges, endpoints []string
	owners                  func() map[string]any
}

func (f *keyFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "name for people")
	fl.StringSliceVar(&f.ranges, "ip-range", nil, "address or network that it may be used from, or any; can be repeated")
	fl.StringSliceVar(&f.endpoints, "endpoint", nil, "endpoint that it may use, such as chat, or any; can be repeated")
	f.ceilingFlags.add(cmd)
	fl.StringVar(&f.expires, "expires", "", "time such as 2027-01-31T00:00:00Z; never takes the expiry away")
	fl.StringVar(&f.endUser, "end-user", "", `who names the client's own user: JSON such as {"from":["header","body"],"required":true} or {"fixed":"batch"}; none takes it away`)
	fl.StringVar(&f.mint, "may-mint", "", `which temporary keys it may make: JSON such as {"max_ttl":"1h","max_keys":10,"max_budget":"1.00","models":["echo"]}; none takes it away`)
	fl.DurationVar(&f.rotateEvery, "rotate-every", 0, "how long a secret is good for; 0s is for ever")
	fl.DurationVar(&f.grace, "rotation-grace", 0, "how much longer it works when a rotation is due")
	fl.StringVar(&f.metadata, "metadata", "", `what the body's metadata may be: JSON such as {"allowed":["team"],"required":["team"],"tags":["team"]}; none takes it away`)
	fl.StringSliceVar(&f.tags, "tags", nil, "labels")
	var owners []apiFlag
	for _, o := range []apiFlag{orgFlag, teamFlag, projectFlag, userFlag} {
		o.help += " that it belongs to; none takes it away"
		owners = append(owners, o)
	}
	f.owners = addFlags(cmd, owners...)
}

// given collects the values of the flags that stand on the command line.
func given(cmd *cobra.Command, values map[string]any) map[string]any {
	out := map[string]any{}
	for flag, v := range values {
		if cmd.Flags().Changed(flag) {
			out[strings.ReplaceAll(flag, "-", "_")] = v
		}
	}
	return out
}

// object adds the member of a flag whose value is JSON, or none for null. What is
// no JSON is left to the gateway to refuse, as a text.
func object(cmd *cobra.Command, b map[string]any, flag, text string) {
	member := strings.ReplaceAll(flag, "-", "_")
	switch {
	case !cmd.Flags().Changed(flag):
	case text == "none":
		b[member] = nil
	case json.Valid([]byte(text)):
		b[member] = json.RawMessage(text)
	default:
		b[member] = text
	}
}

func (f *keyFlags) body(cmd *cobra.Command) map[string]any {
	b := given(cmd, map[string]any{"name": f.name, "tags": f.tags})
	f.onto(cmd, b)
	object(cmd, b, "end-user", f.endUser)
	object(cmd, b, "metadata", f.metadata)
	object(cmd, b, "may-mint", f.mint)
	for member, v := range given(cmd, map[string]any{"rotate-every": f.rotateEvery.String(), "rotation-grace": f.grace.String()}) {
		b[member] = v
	}
	for member, id := range f.owners() {
		if b[member] = id; id == "none" {
			b[member] = nil
		}
	}
	restrict := func(flag, member string, list []string) {
		switch {
		case slices.Equal(list, []string{"any"}):
			b[member] = nil
		case cmd.Flags().Changed(flag):
			b[member] = list
		}
	}
	restrict("ip-range", "ip_ranges", f.ranges)
	restrict("endpoint", "endpoints", f.endpoints)
	if cmd.Flags().Changed("expires") {
		b["expires_at"] = f.expires
	}
	if f.expires == "never" {
		b["expires_at"] = nil
	}
	return b
}

func keyCreateCommand(c *apiClient) *cobra.Command {
	var f keyFlags
	var admin bool
	var role string
	cmd := &cobra.Command{Use: "create", Short: "Create a key and show its secret once", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		body := f.body(cmd)
		if admin {
			body["admin"] = true
		}
		if role != "" {
			body["role"] = role
		}
		monthly(body)
		raw, err := c.call("POST", "/keys", body)
		if err != nil {
			return err
		}
		return showKey(c, cmd, raw)
	}}
	f.add(cmd)
	cmd.Flags().BoolVar(&admin, "admin", false, "may do everything in the admin API: --role admin")
	cmd.Flags().StringVar(&role, "role", "", "what it may do in the admin API where it belongs: owner, admin, org_admin, team_admin, viewer")
	return cmd
}

func keyUpdateCommand(c *apiClient) *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{Use: "update ID", Short: "Change what is given", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		body := f.body(cmd)
		if len(body) == 0 {
			return fmt.Errorf("%w: nothing to change was given", errUsage)
		}
		raw, err := c.call("PATCH", "/keys/"+url.PathEscape(args[0]), body)
		if err != nil {
			return err
		}
		return showKey(c, cmd, raw)
	}}
	f.add(cmd)
	return cmd
}

func keyTemporaryCommand(c *apiClient) *cobra.Command {
	var f ceilingFlags
	var ttl time.Duration
	var name string
	cmd := &cobra.Command{Use: "temporary", Short: "Make a temporary key for the key that asks (--key), and show its secret once", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		body := given(cmd, map[string]any{"name": name, "models": f.models, "ttl": ttl.String()})
		if cmd.Flags().Changed("budget") {
			body["budget"] = map[string]any{"amount": f.budget}
		}
		raw, err := c.call("POST", "/keys/temporary", body)
		if err != nil {
			return err
		}
		return showKey(c, cmd, raw)
	}}
	fl := cmd.Flags()
	fl.StringVar(&name, "name", "", "name for people")
	fl.DurationVar(&ttl, "ttl", 0, "how long it lives; as long as may be unless given")
	fl.StringSliceVar(&f.models, "models", nil, "models that it may use")
	fl.StringVar(&f.budget, "budget", "", "dollars that it may spend")
	return cmd
}

func keyRotateCommand(c *apiClient) *cobra.Command {
	var grace time.Duration
	cmd := &cobra.Command{Use: "rotate ID", Short: "Give a key a new secret", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := map[string]string{}
		if cmd.Flags().Changed("grace") {
			in["grace"] = grace.String()
		}
		raw, err := c.call("POST", "/keys/"+url.PathEscape(args[0])+"/rotate", in)
		if err != nil {
			return err
		}
		return showKey(c, cmd, raw)
	}}
	cmd.Flags().DurationVar(&grace, "grace", 0, "how long the old secret goes on working; the key's rotation grace unless given")
	return cmd
}
