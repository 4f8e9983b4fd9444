package main

import (
	"cmp"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

func auditCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "audit", Short: "The audit log: who changed what"}
	c.flags(cmd)
	cmd.AddCommand(auditListCommand(c), auditExportCommand(c))
	return cmd
}

func auditListCommand(c *apiClient) *cobra.Command {
	var page pageFlags
	var f auditFlags
	cmd := &cobra.Command{Use: "list", Short: "List records, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		q := page.query()
		f.narrow(q)
		raw, err := c.call("GET", "/audit?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		var list struct{ Data []core.AuditRecord }
		err = c.show(cmd, raw, &list, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "TIME\tWHO\tACTION\tOBJECT\tOUTCOME\tFROM\tID")
			for _, r := range list.Data {
				outcome := string(r.Outcome)
				if r.ErrorCode != "" {
					outcome += ": " + string(r.ErrorCode)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.At.Local().Format("2006-01-02 15:04:05"), cmp.Or(r.Actor.Name, r.Actor.Kind),
					r.Action, cmp.Or(r.Object.Name, r.Object.ID, r.Object.Kind), outcome, r.RemoteAddress, r.ID)
			}
		})
		return page.tellMore(cmd, raw, err)
	}}
	page.add(cmd, 20)
	f.add(cmd)
	return cmd
}

func auditExportCommand(c *apiClient) *cobra.Command {
	var format string
	var f auditFlags
	cmd := &cobra.Command{Use: "export", Short: "Write records with what was before and after, oldest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		q := url.Values{"format": {format}}
		f.narrow(q)
		return c.export(cmd, "/audit/export?"+q.Encode())
	}}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	f.add(cmd)
	return cmd
}

// auditFlags narrow what is listed or exported.
type auditFlags struct{ from, to, action, kind, object, actor string }

func (f *auditFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "first instant, such as 2026-11-01 or 2026-11-01T12:00:00Z")
	fl.StringVar(&f.to, "to", "", "instant after the last")
	fl.StringVar(&f.action, "action", "", "only this action, such as key.update")
	fl.StringVar(&f.kind, "object-kind", "", "only about this kind of object, such as key")
	fl.StringVar(&f.object, "object-id", "", "only about this object")
	fl.StringVar(&f.actor, "actor-id", "", "only by this key")
}

// narrow adds what was given to a query.
func (f *auditFlags) narrow(q url.Values) {
	for name, value := range map[string]string{"from": f.from, "to": f.to, "action": f.action, "object_kind": f.kind, "object_id": f.object, "actor_id": f.actor} {
		if value != "" {
			q.Set(name, value)
		}
	}
}
