package main

import (
	"fmt"
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
	cmd.AddCommand(listCommand(c, "List entries, newest first", "/ledger", 20, entryFilters, entryTable),
		exportCommand(c, "Write entries, oldest first", "/ledger/export", entryFilters), ledgerVerifyCommand(c),
		&cobra.Command{Use: "rebuild", Short: "Make the rollups anew from the entries", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := c.call("POST", "/ledger/rebuild", nil)
			if err == nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "the rollups are made anew")
			}
			return err
		}})
	return cmd
}

// entryFilters narrow what is listed or exported.
var entryFilters = []apiFlag{fromFlag, toFlag,
	{"key-id", "key_id", "only of this key"},
	{"model", "model", "only of this alias"},
	{"deployment", "deployment", "only of this deployment"},
	{"outcome", "outcome", "only with this outcome"},
	orgFlag, teamFlag, projectFlag, userFlag,
}

func entryTable(w *tabwriter.Writer, entries []entryInfo) {
	fmt.Fprintln(w, "TIME\tKEY\tMODEL\tDEPLOYMENT\tIN\tOUT\tAMOUNT\tOUTCOME\tID")
	for _, e := range entries {
		amount := "$" + e.Amount
		if e.Unpriced {
			amount = "unpriced"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", e.At.Local().Format("2006-01-02 15:04:05"), e.Key.Name,
			e.RequestedModel, e.Deployment, e.Usage.InputTokens(), e.Usage.OutputTokens(), amount, e.Outcome, e.ID)
	}
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
