package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/config"
)

// objectNoun is what makes the commands of one kind of configuration object.
type objectNoun struct {
	kind, path string   // "deployment", "/deployments"
	show       []string // the keys beside the name that lists have
}

func deploymentCommand() *cobra.Command {
	n := objectNoun{"deployment", "/deployments", []string{"provider", "model", "credential"}}
	return n.command("Deployments: a provider's model with a credential and limits")
}

func guardrailCommand() *cobra.Command {
	n := objectNoun{"guardrail", "/guardrails", []string{"plugin", "stages", "mode"}}
	return n.command("Guardrail attachments: which plugin looks where")
}

func (n objectNoun) command(short string) *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: n.kind, Short: short}
	c.flags(cmd)
	cmd.AddCommand(n.list(c))
	cmd.AddCommand(n.changes(c)...)
	return cmd
}

// members are those of an object, as the API answers them.
type members map[string]json.RawMessage

// text is a member as tables show it: strings and lists without quotes.
func (m members) text(key string) string {
	var s string
	var list []string
	switch raw := m[key]; {
	case json.Unmarshal(raw, &s) == nil:
		return s
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, ", ")
	default:
		return string(raw)
	}
}

func (n objectNoun) list(c *apiClient) *cobra.Command {
	filters := []apiFlag{{"origin", "origin", "only those made by: file, api"}}
	return listCommand(c, "List "+n.kind+"s by name", n.path, 50, filters, func(w *tabwriter.Writer, rows []members) {
		fmt.Fprintf(w, "NAME\tORIGIN\tOWNER\t%s\n", strings.ToUpper(strings.Join(n.show, "\t")))
		for _, m := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s", m.text("name"), m.text("origin"), cmp.Or(m.text("team_id"), m.text("organization_id")))
			for _, key := range n.show {
				fmt.Fprint(w, "\t"+m.text(key))
			}
			fmt.Fprintln(w)
		}
	})
}

// changes are the commands show, create, update and delete.
func (n objectNoun) changes(c *apiClient) []*cobra.Command {
	const pairs = "KEY is as in [[%s]] of gateway.toml; a list is separated by commas, a table is JSON. With team_id=ID or\norganization_id=ID a new one is theirs alone."
	create := &cobra.Command{Use: "create NAME KEY=VALUE…", Short: "Make one and show it", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in, err := n.settings(args[1:])
		if err != nil {
			return err
		}
		in["name"] = args[0]
		return n.answer(c, cmd, "POST", n.path, in)
	}}
	var unset []string
	update := &cobra.Command{Use: "update NAME KEY=VALUE…", Short: "Change what is given", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in, err := n.settings(args[1:])
		if err != nil {
			return err
		}
		for _, key := range unset {
			in[key] = nil
		}
		if len(in) == 0 {
			return fmt.Errorf("%w: nothing to change was given", errUsage)
		}
		return n.answer(c, cmd, "PATCH", n.at(args[0]), in)
	}}
	update.Flags().StringSliceVar(&unset, "unset", nil, "keys to take away, which then have their defaults")
	create.Long, update.Long = create.Short+".\n\n"+fmt.Sprintf(pairs, n.kind), update.Short+".\n\n"+fmt.Sprintf(pairs, n.kind)
	return []*cobra.Command{create, n.one(c, "show", "Show the "+n.kind, "GET"), update, n.one(c, "delete", "Delete the "+n.kind, "DELETE")}
}

// one is a command about the object of a name.
func (n objectNoun) one(c *apiClient, use, short, method string) *cobra.Command {
	return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return n.answer(c, cmd, method, n.at(args[0]), nil)
	}}
}

func (n objectNoun) at(name string) string { return n.path + "/" + url.PathEscape(name) }

// settings reads KEY=VALUE by the types of the keys. What has no such type goes
// as it is: the gateway knows what is wrong with it.
func (n objectNoun) settings(pairs []string) (map[string]any, error) {
	types := map[string]string{}
	for _, s := range config.Sections() {
		if s.Name == n.kind {
			for _, f := range s.Fields {
				types[f.Name] = f.Type
			}
		}
	}
	out := map[string]any{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%w: %q is not KEY=VALUE", errUsage, pair)
		}
		out[key] = value
		switch types[key] {
		case "list of strings":
			out[key] = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
		case "number", "integer", "boolean", "table":
			if json.Valid([]byte(value)) {
				out[key] = json.RawMessage(value)
			}
		}
	}
	return out, nil
}

// answer calls the API and shows the object in its answer, if there is one.
func (n objectNoun) answer(c *apiClient, cmd *cobra.Command, method, path string, in any) error {
	raw, err := c.call(method, path, in)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return err
	}
	var m members
	return c.show(cmd, raw, &m, func(w *tabwriter.Writer) {
		first := []string{"name", "origin", "place"}
		for _, key := range append(first, slices.Sorted(maps.Keys(m))...) {
			if m[key] != nil && key != "targets" {
				fmt.Fprintf(w, "%s\t%s\n", key, m.text(key))
			}
			delete(m, key)
		}
	})
}
