package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/conformance"
	"github.com/tokligence/gateway/plugins"
)

func pluginCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "plugin", Short: "Plugins"}
	c.flags(cmd)
	cmd.AddCommand(pluginListCommand(c), pluginInspectCommand(c), pluginTestCommand(c))
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
		raw, err := c.call("GET", "/plugins?limit=1000", nil)
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
			if asked := man.Capabilities; man.Kind == abi.KindGuardrail {
				fmt.Fprintf(w, "hosts\t%s\nstreams\t%t\nrewrites\t%t\nholds\t%d\n", strings.Join(asked.Hosts, ", "), asked.Stream, asked.Rewrite, asked.Hold)
			}
		})
	}}
}

// pluginTestCommand runs the conformance kit.
func pluginTestCommand(c *apiClient) *cobra.Command {
	var config, carrier, vectors string
	var update bool
	cmd := &cobra.Command{Use: "test FILE", Short: "Check a plugin file against the contract", Args: cobra.ExactArgs(1),
		Long: `Check a plugin file (or builtin:NAME) the way the gateway will use it: that it loads,
keeps the contract, survives extreme and hostile input, answers the same on every
instance, and, with --vectors, gives the answers of the .txtar files in a folder:
whole exchanges of a provider, or single calls.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target := conformance.Target{Declaration: plugin.Declaration{Source: args[0], Carrier: carrier}, Carriers: carriers(),
				Builtins: plugins.Builtin(), Vectors: vectors, Update: update}
			if config != "" {
				raw, err := os.ReadFile(config)
				if err != nil {
					return err
				}
				target.Declaration.Config = raw
			}
			report := conformance.Check(cmd.Context(), target)
			raw, err := json.Marshal(report)
			if err != nil {
				return err
			}
			if err := c.show(cmd, raw, new(conformance.Report), func(w *tabwriter.Writer) { report.Write(w) }); err != nil {
				return err
			}
			if !report.Passed {
				return errReported
			}
			return nil
		}}
	f := cmd.Flags()
	f.StringVar(&config, "config", "", "JSON file with the configuration; {} without")
	f.StringVar(&carrier, "carrier", "", "wasm, extism or process; without it the file decides")
	f.StringVar(&vectors, "vectors", "", "folder of .txtar files with calls and their replies")
	f.BoolVar(&update, "update", false, "write what came out into the vectors")
	return cmd
}

func join(functions []abi.Function) string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
