package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/store"
)

// revisionInfo is a revision in lists, and the one in force.
type revisionInfo struct {
	Revision, Number int64
	At               time.Time
	Cause            string
	Author           core.AuditActor
	InForce          bool `json:"in_force"`
	Stale            bool
	Problems         []string
	Restored         int64
	Remaining        []changeInfo
}

func (r *revisionInfo) who() string { return cmp.Or(r.Author.Name, r.Author.Kind) }

type changeInfo struct {
	Path          string
	Before, After json.RawMessage
}

func configCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "config", Short: "The configuration in force, its history, and older ones"}
	c.flags(cmd)
	show := &cobra.Command{Use: "show", Short: "Show which revision is in force, and why a newer one is not", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("GET", "/config", nil)
		if err != nil {
			return err
		}
		var r revisionInfo
		return c.show(cmd, raw, &r, func(w *tabwriter.Writer) { r.table(w) })
	}}
	export := &cobra.Command{Use: "export", Short: "Write the configuration in force as one gateway.toml, without secrets", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.export(cmd, "/config/export")
	}}
	history := listCommand(c, "List revisions, newest first", "/config/revisions", 20, nil, func(w *tabwriter.Writer, rows []revisionInfo) {
		fmt.Fprintln(w, "REVISION\tTIME\tCAUSE\tWHO\tIN FORCE")
		for _, r := range rows {
			mark := ""
			if r.InForce {
				mark = "yes"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", r.Number, r.At.Local().Format("2006-01-02 15:04:05"), r.Cause, r.who(), mark)
		}
	})
	history.Use = "history"
	cmd.AddCommand(show, export, configDiffCommand(c), history, configRollbackCommand(c), configRemoveCommand())
	return cmd
}

func (r *revisionInfo) table(w *tabwriter.Writer) {
	fmt.Fprintf(w, "revision\t%d\nsince\t%s\ncause\t%s\nby\t%s\n", r.Revision, r.At.Format(time.RFC3339), r.Cause, r.who())
	for _, p := range r.Problems {
		fmt.Fprintf(w, "not in force\t%s\n", p)
	}
}

func showChanges(w *tabwriter.Writer, changes []changeInfo) {
	for _, ch := range changes {
		if string(ch.Before) != "null" {
			fmt.Fprintf(w, "- %s\t%s\n", ch.Path, ch.Before)
		}
		if string(ch.After) != "null" {
			fmt.Fprintf(w, "+ %s\t%s\n", ch.Path, ch.After)
		}
	}
}

func configDiffCommand(c *apiClient) *cobra.Command {
	flags := []apiFlag{{"from", "from", "revision before; by default the one before --to"}, {"to", "to", "revision after; by default the one in force"}}
	var given func() map[string]any
	cmd := &cobra.Command{Use: "diff", Short: "Show what changed from one revision to another", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		raw, err := c.call("GET", "/config/diff?"+narrow(url.Values{}, given()).Encode(), nil)
		if err != nil {
			return err
		}
		var d struct{ Changes []changeInfo }
		return c.show(cmd, raw, &d, func(w *tabwriter.Writer) { showChanges(w, d.Changes) })
	}}
	given = addFlags(cmd, flags...)
	return cmd
}

func configRollbackCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "rollback REVISION", Short: "Restore what was made by API as it was; what the files say stays", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %q is not the number of a revision", errUsage, args[0])
		}
		raw, err := c.call("POST", "/config/rollback", map[string]int64{"revision": n})
		if err != nil {
			return err
		}
		var r revisionInfo
		return c.show(cmd, raw, &r, func(w *tabwriter.Writer) {
			r.table(w)
			if len(r.Remaining) > 0 {
				fmt.Fprintf(w, "\nThe files say otherwise than at revision %d:\n", r.Restored)
				showChanges(w, r.Remaining)
			}
		})
	}}
}

// configRemoveCommand is the way out when what was made by API keeps the gateway
// from starting: it works on the store of a gateway that stands still.
func configRemoveCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{Use: "remove KIND NAME", Short: "Take out an object made by API while the gateway does not run", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) (err error) {
		c, problems := config.Load(path, os.LookupEnv)
		if c == nil {
			for _, p := range problems {
				fmt.Fprintln(cmd.ErrOrStderr(), p)
			}
			return fmt.Errorf("%s is not valid", path)
		}
		ctx := cmd.Context()
		s, err := store.Open(ctx, c.Storage.URL, time.Now)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := s.Own(); err != nil {
			return err
		}
		n, err := s.LatestRevision(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("nothing was made by API")
		}
		r, err := s.FindRevision(ctx, n)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(r.Objects, func(o core.ConfigObject) bool { return string(o.Kind) == args[0] && o.Name == args[1] })
		if i < 0 {
			return fmt.Errorf("no %s %q was made by API", args[0], args[1])
		}
		r.Objects = slices.Delete(r.Objects, i, i+1)
		if r.Content, err = without(r.Content, args[0]+"["+args[1]+"]"); err != nil {
			return err
		}
		r.Number, r.At, r.Cause, r.Author = n+1, time.Now().UTC(), core.CauseCommand, core.AuditActor{Kind: core.ActorSystem}
		if err := s.AppendRevision(ctx, r); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s is out; config rollback %d brings it back\n", args[0], args[1], n)
		return nil
	}}
	cmd.Flags().StringVarP(&path, "config", "c", "gateway.toml", "configuration file")
	return cmd
}

// without is a revision's content without one object.
func without(content json.RawMessage, object string) (json.RawMessage, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(content, &values); err != nil {
		return nil, err
	}
	maps.DeleteFunc(values, func(path string, _ json.RawMessage) bool {
		return path == object || strings.HasPrefix(path, object+".")
	})
	return json.Marshal(values)
}
