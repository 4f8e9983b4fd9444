package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// entryInfo is what the table shows of an entry.
type entryInfo struct {
	ID, Amount, Outcome, Deployment string
	At                              time.Time
	Key                             struct{ ID, Name string }
	RequestedModel                  string `json:"requested_model"`
	Usage                           core.Usage
	Unpriced                        bool
}

func ledgerCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "ledger", Short: "The ledger"}
	c.flags(cmd)
	cmd.AddCommand(ledgerListCommand(c), ledgerExportCommand(c), ledgerVerifyCommand(c),
		&cobra.Command{Use: "rebuild", Short: "Make the rollups anew from the entries", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := c.call("POST", "/ledger/rebuild", nil)
			if err == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "the rollups are made anew")
			}
			return err
		}})
	return cmd
}

func ledgerListCommand(c *apiClient) *cobra.Command {
	var page pageFlags
	var f entryFlags
	cmd := &cobra.Command{Use: "list", Short: "List entries, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		q := page.query()
		f.narrow(q)
		raw, err := c.call("GET", "/ledger?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		var list struct{ Data []entryInfo }
		err = c.show(cmd, raw, &list, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "TIME\tKEY\tMODEL\tDEPLOYMENT\tIN\tOUT\tAMOUNT\tOUTCOME\tID")
			for _, e := range list.Data {
				amount := "$" + e.Amount
				if e.Unpriced {
					amount = "unpriced"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", e.At.Local().Format("2006-01-02 15:04:05"), e.Key.Name,
					e.RequestedModel, e.Deployment, e.Usage.InputTokens(), e.Usage.OutputTokens(), amount, e.Outcome, e.ID)
			}
		})
		return page.tellMore(cmd, raw, err)
	}}
	page.add(cmd, 20)
	f.add(cmd)
	return cmd
}

// entryFlags narrow what is listed or exported.
type entryFlags struct {
	from, to, keyID, model, deployment, outcome string
	owners                                      func() map[string]any
}

func (f *entryFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "first instant, such as 2026-11-01 or 2026-11-01T12:00:00Z")
	fl.StringVar(&f.to, "to", "", "instant after the last")
	fl.StringVar(&f.keyID, "key-id", "", "only of this key")
	fl.StringVar(&f.model, "model", "", "only of this alias")
	fl.StringVar(&f.deployment, "deployment", "", "only of this deployment")
	fl.StringVar(&f.outcome, "outcome", "", "only with this outcome")
	f.owners = addFlags(cmd, orgFlag, teamFlag, userFlag)
}

// narrow adds what was given to a query.
func (f *entryFlags) narrow(q url.Values) {
	for name, value := range map[string]string{"from": f.from, "to": f.to, "key_id": f.keyID, "model": f.model, "deployment": f.deployment, "outcome": f.outcome} {
		if value != "" {
			q.Set(name, value)
		}
	}
	narrow(q, f.owners())
}

func ledgerExportCommand(c *apiClient) *cobra.Command {
	var format string
	var f entryFlags
	cmd := &cobra.Command{Use: "export", Short: "Write entries, oldest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"format": {format}}
		f.narrow(q)
		return c.export(cmd, "/ledger/export?"+q.Encode())
	}}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	f.add(cmd)
	return cmd
}

func ledgerVerifyCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Compare everything derived with the entries", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("POST", "/ledger/verify", nil)
		if err != nil {
			return err
		}
		var r struct {
			Differences []struct{ Where, Want, Have string }
		}
		err = c.show(cmd, raw, &r, func(w *tabwriter.Writer) {
			if len(r.Differences) == 0 {
				fmt.Fprintln(w, "everything agrees with the entries")
			}
			for _, d := range r.Differences {
				fmt.Fprintf(w, "%s\twant %s\thave %s\n", d.Where, d.Want, d.Have)
			}
		})
		if err == nil && len(r.Differences) > 0 {
			return errReported
		}
		return err
	}}
}
