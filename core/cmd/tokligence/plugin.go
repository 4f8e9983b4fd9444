package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/plugins"
)

func pluginCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "plugin", Short: "Plugins"}
	c.flags(cmd)
	cmd.AddCommand(pluginListCommand(c), pluginInspectCommand(c))
	return cmd
}

// pluginListCommand lists what a running gateway declares, or what the binary brings.
func pluginListCommand(c *apiClient) *cobra.Command {
	var builtin bool
	cmd := &cobra.Command{Use: "list", Short: "List the declared plugins", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if builtin {
			for _, name := range plugins.Builtin().Names() {
				fmt.Fprintln(cmd.OutOrStdout(), "builtin:"+name)
			}
			return nil
		}
		raw, err := c.call("GET", "/plugins", nil)
		if err != nil {
			return err
		}
		var page struct {
			Data []struct {
				ID, Source, State, Version string
				Calls, Faults              uint64
				Instances                  int
				LastFault                  string `json:"last_fault"`
			}
		}
		return c.show(cmd, raw, &page, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "PLUGIN\tSOURCE\tVERSION\tSTATE\tCALLS\tFAULTS\tINSTANCES\tLAST FAULT")
			for _, p := range page.Data {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", p.ID, p.Source, p.Version, p.State, p.Calls, p.Faults, p.Instances, p.LastFault)
			}
		})
	}}
	cmd.Flags().BoolVar(&builtin, "builtin", false, "what this binary brings")
	return cmd
}

// pluginInspectCommand describes a file without configuring it.
func pluginInspectCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "inspect FILE", Short: "Show what a plugin file says of itself", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		source := args[0]
		if !strings.HasPrefix(source, "builtin:") {
			abs, err := filepath.Abs(source)
			if err != nil {
				return err
			}
			source = abs
		}
		m := Main{Stderr: cmd.ErrOrStderr()}
		loader := newLoader(m.logger(), "")
		defer loader.Close(cmd.Context())
		info, err := loader.Inspect(cmd.Context(), plugin.Declaration{ID: source, Source: source})
		if err != nil {
			return err
		}
		raw, err := json.Marshal(info)
		if err != nil {
			return err
		}
		return c.show(cmd, raw, info, func(w *tabwriter.Writer) {
			man := info.Manifest
			fmt.Fprintf(w, "id\t%s\nname\t%s\nversion\t%s\nkind\t%s\nabi\t%d\ncarrier\t%s\nsha256\t%s\nlicence\t%s\n%s\n",
				man.ID, man.Name, man.Version, man.Kind, man.ABI, info.Carrier, info.SHA256, man.License, man.Description)
			fmt.Fprintf(w, "functions\t%s\n", join(man.Functions))
			fmt.Fprintf(w, "hosts\t%s\n", strings.Join(man.Capabilities.Hosts, ", "))
		})
	}}
}

func join(functions []abi.Function) string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
