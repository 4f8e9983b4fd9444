package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// auditFilters narrow what is listed or exported.
var auditFilters = []apiFlag{fromFlag, toFlag,
	{"action", "action", "only this action, such as key.update"},
	{"object-kind", "object_kind", "only about this kind of object, such as key"},
	{"object-id", "object_id", "only about this object"},
	{"actor-id", "actor_id", "only by this key"},
}

func auditCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "audit", Short: "The audit log: who changed what"}
	c.flags(cmd)
	cmd.AddCommand(listCommand(c, "List records, newest first", "/audit", 20, auditFilters, auditTable),
		exportCommand(c, "Write records with what was before and after, oldest first", "/audit/export", auditFilters))
	return cmd
}

func auditTable(w *tabwriter.Writer, records []core.AuditRecord) {
	fmt.Fprintln(w, "TIME\tWHO\tACTION\tOBJECT\tOUTCOME\tFROM\tID")
	for _, r := range records {
		outcome := string(r.Outcome)
		if r.ErrorCode != "" {
			outcome += ": " + string(r.ErrorCode)
		}
		if r.Repeats > 0 {
			outcome += fmt.Sprintf(" (and %d more)", r.Repeats)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.At.Local().Format("2006-01-02 15:04:05"), cmp.Or(r.Actor.Name, r.Actor.Kind),
			r.Action, cmp.Or(r.Object.Name, r.Object.ID, r.Object.Kind), outcome, r.RemoteAddress, r.ID)
	}
}
