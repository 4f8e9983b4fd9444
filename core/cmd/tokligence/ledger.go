package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"text/tabwriter"

	"github.com/spf13/cobra"
)

// entryInfo is what the table shows of an entry.
type entryInfo struct {
	ID, Amount, Outcome, Deployment string
	At                              time.Time
	Key                             struct{ ID, Name string }
	RequestedModel                  string `json:"requested_model"`
	Usage                           struct{ Input, Output int64 }
	Unpriced                        bool
}

func ledgerCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "ledger", Short: "The ledger"}
	c.flags(cmd)
	cmd.AddCommand(ledgerListCommand(c), ledgerExportCommand(c), ledgerVerifyCommand(c),
		&cobra.Command{Use: "rebuild", Short: "Make the rollups anew from the entries", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			_, err := c.call("POST", "/ledger/rebuild", nil)
			return err
		}})
	return cmd
}

func ledgerListCommand(c *apiClient) *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "list", Short: "The newest entries", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("GET", "/ledger?limit="+strconv.Itoa(limit), nil)
		if err != nil {
			return err
		}
		var page struct{ Data []entryInfo }
		return c.show(cmd, raw, &page, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "TIME\tKEY\tMODEL\tDEPLOYMENT\tIN\tOUT\tAMOUNT\tOUTCOME\tID")
			for _, e := range page.Data {
				amount := "$" + e.Amount
				if e.Unpriced {
					amount = "unpriced"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", e.At.Local().Format("2006-01-02 15:04:05"), e.Key.Name,
					e.RequestedModel, e.Deployment, e.Usage.Input, e.Usage.Output, amount, e.Outcome, e.ID)
			}
		})
	}}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

func ledgerExportCommand(c *apiClient) *cobra.Command {
	var format, from, to string
	cmd := &cobra.Command{Use: "export", Short: "Write all entries, oldest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"format": {format}}
		if from != "" {
			q.Set("from", from)
		}
		if to != "" {
			q.Set("to", to)
		}
		resp, err := c.open("GET", "/ledger/export?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err = io.Copy(cmd.OutOrStdout(), resp.Body); err != nil {
			return fmt.Errorf("the export is not complete: %w", err)
		}
		return nil
	}}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().StringVar(&from, "from", "", "first instant, such as 2026-11-01")
	cmd.Flags().StringVar(&to, "to", "", "instant after the last")
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
