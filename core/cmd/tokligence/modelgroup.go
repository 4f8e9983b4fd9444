package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// modelGroupInfo is what the tables show of a model group.
type modelGroupInfo struct {
	ID, Name, Origin string
	Models           []string
	UnknownModels    []string `json:"unknown_models"`
}

func modelGroupCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "model-group", Short: "Lists of models under a name, which stand as group:NAME where models are listed"}
	c.flags(cmd)
	answer := func(cmd *cobra.Command, method, path string, in any) error {
		raw, err := c.call(method, "/model-groups"+path, in)
		if err != nil || len(raw) == 0 {
			return err
		}
		var g modelGroupInfo
		return c.show(cmd, raw, &g, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "id\t%s\nname\t%s\norigin\t%s\nmodels\t%s\n", g.ID, g.Name, g.Origin, strings.Join(g.Models, ", "))
			if len(g.UnknownModels) > 0 {
				fmt.Fprintf(w, "unknown\t%s\n", strings.Join(g.UnknownModels, ", "))
			}
		})
	}
	one := func(use, short, method string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return answer(cmd, method, "/"+url.PathEscape(args[0]), nil)
		}}
	}
	withModels := func(cmd *cobra.Command, run func(cmd *cobra.Command, args, models []string) error) *cobra.Command {
		models := cmd.Flags().StringSlice("models", []string{}, "model aliases; none when empty")
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(cmd, args, *models) }
		return cmd
	}
	create := &cobra.Command{Use: "create NAME", Short: "Create a group", Args: cobra.ExactArgs(1)}
	update := &cobra.Command{Use: "update ID", Short: "Give a group another list", Args: cobra.ExactArgs(1)}
	cmd.AddCommand(
		withModels(create, func(cmd *cobra.Command, args, models []string) error {
			return answer(cmd, "POST", "", map[string]any{"name": args[0], "models": models})
		}),
		withModels(update, func(cmd *cobra.Command, args, models []string) error {
			if !cmd.Flags().Changed("models") {
				return fmt.Errorf("%w: --models is needed", errUsage)
			}
			return answer(cmd, "PATCH", "/"+url.PathEscape(args[0]), map[string]any{"models": models})
		}),
		listCommand(c, "List groups: the configuration's, and then the others, newest first", "/model-groups", 50, []apiFlag{nameFlag}, func(w *tabwriter.Writer, rows []modelGroupInfo) {
			fmt.Fprintln(w, "ID\tNAME\tORIGIN\tMODELS")
			for _, g := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", g.ID, g.Name, g.Origin, strings.Join(g.Models, ", "))
			}
		}),
		one("show", "Show a group", "GET"), one("delete", "Delete a group that nothing names", "DELETE"))
	return cmd
}
