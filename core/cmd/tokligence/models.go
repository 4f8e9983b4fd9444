package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

type modelInfo struct {
	Name, Strategy, Origin string
	Deployments            []struct{ Name, Provider, Model, State, Why string }
}

func modelsCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "models", Short: "Model aliases and their deployments"}
	c.flags(cmd)
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List aliases", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("GET", "/models?limit=1000", nil)
		if err != nil {
			return err
		}
		var page struct{ Data []modelInfo }
		return c.show(cmd, raw, &page, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "MODEL\tORIGIN\tDEPLOYMENT\tPROVIDER\tPROVIDER'S MODEL\tSTATE")
			for _, m := range page.Data {
				for _, d := range m.Deployments {
					state := d.State
					if d.Why != "" {
						state += ": " + d.Why
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Origin, d.Name, d.Provider, d.Model, state)
				}
			}
		})
	}}, modelsTestCommand(c))
	cmd.AddCommand(objectNoun{"model", "/models", nil}.changes(c)...)
	return cmd
}

// testInfo is what came of a test.
type testInfo struct {
	OK                  bool
	Status              int
	Message, Deployment string
	LatencyMS           int64 `json:"latency_ms"`
}

// modelsTestCommand calls one alias, or all that can be called, and fails when any does.
func modelsTestCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "test [NAME]", Short: "Send one small request through an alias, or through all that are configured", Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, names []string) error {
		if len(names) == 0 {
			var err error
			if names, err = configuredModels(c); err != nil {
				return err
			}
		}
		failed := false
		for _, name := range names {
			raw, err := c.call("POST", "/models/"+url.PathEscape(name)+"/test", nil)
			if err != nil {
				return err
			}
			var r testInfo
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			failed = failed || !r.OK
			if err := c.show(cmd, raw, &r, func(w *tabwriter.Writer) {
				fmt.Fprintf(w, "%s\t%d\t%d ms\t%s\t%s\n", name, r.Status, r.LatencyMS, r.Deployment, r.Message)
			}); err != nil {
				return err
			}
		}
		if failed {
			return errReported
		}
		return nil
	}}
}

// configuredModels names the aliases with a deployment that can be called.
func configuredModels(c *apiClient) (names []string, err error) {
	raw, err := c.call("GET", "/models?limit=1000", nil)
	if err != nil {
		return nil, err
	}
	var page struct{ Data []modelInfo }
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, err
	}
	for _, m := range page.Data {
		for _, d := range m.Deployments {
			if d.State != "not configured" {
				names = append(names, m.Name)
				break
			}
		}
	}
	return names, nil
}
