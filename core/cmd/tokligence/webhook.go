package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/events"
)

// webhookInfo is what the tables show of a webhook.
type webhookInfo struct {
	core.Webhook
	Secret string
}

func webhookCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "webhook", Short: "Webhooks: addresses to which events are posted"}
	c.flags(cmd)
	cmd.AddCommand(webhookCreateCommand(c),
		listCommand(c, "List webhooks, newest first", "/webhooks", 50, []apiFlag{orgFlag, {"enabled", "enabled", "only those that are (true) or are not (false)"}}, webhookTable),
		webhookOne(c, "show", "Show a webhook", "GET", "", nil),
		webhookUpdateCommand(c), webhookOne(c, "delete", "Delete a webhook", "DELETE", "", nil),
		webhookOne(c, "rotate", "Give a webhook a new secret and print it, this once", "POST", "/rotate",
			[]apiFlag{{"grace", "grace", "how long the earlier secret signs too, such as 24h"}}),
		webhookTestCommand(c), webhookDeliveriesCommand(c))
	return cmd
}

// webhookOne calls the API about one webhook and shows what it answers.
func webhookOne(c *apiClient, use, short, method, path string, flags []apiFlag) *cobra.Command {
	var body func() map[string]any
	cmd := &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		var in any
		if given := body(); len(given) > 0 {
			in = given
		}
		raw, err := c.call(method, "/webhooks/"+url.PathEscape(args[0])+path, in)
		if err != nil || len(raw) == 0 {
			return err
		}
		return showWebhook(c, cmd, raw)
	}}
	body = addFlags(cmd, flags...)
	return cmd
}

func showWebhook(c *apiClient, cmd *cobra.Command, raw json.RawMessage) error {
	var w webhookInfo
	return c.show(cmd, raw, &w, func(out *tabwriter.Writer) {
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(out, "%s\t%s\n", name, value)
			}
		}
		line("id", w.ID)
		line("url", w.URL)
		line("types", eventTypes(w.Types))
		line("enabled", fmt.Sprint(w.Enabled))
		line("disabled because", w.DisabledReason)
		if w.FailingSince != nil {
			line("failing since", w.FailingSince.Format(time.RFC3339))
		}
		line("organization", w.OrganizationID)
		line("description", w.Description)
		line("created", w.CreatedAt.Format(time.RFC3339))
		line("secret", w.Secret)
	})
}

func eventTypes(types []core.EventType) string {
	var names []string
	for _, t := range types {
		names = append(names, string(t))
	}
	return cmp.Or(strings.Join(names, ","), "none")
}

func webhookTable(out *tabwriter.Writer, list []webhookInfo) {
	fmt.Fprintln(out, "ID\tURL\tTYPES\tSTATE\tORGANIZATION")
	for _, w := range list {
		state := "enabled"
		switch {
		case !w.Enabled:
			state = "disabled"
		case w.FailingSince != nil:
			state = "failing"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", w.ID, w.URL, eventTypes(w.Types), state, w.OrganizationID)
	}
}

// webhookFlags are what creating and updating have in common.
type webhookFlags struct {
	types   []string
	enabled bool
	rest    func() map[string]any
}

func (f *webhookFlags) add(cmd *cobra.Command, more ...apiFlag) {
	cmd.Flags().StringSliceVar(&f.types, "types", nil, `types of events, such as key.created,key.deleted; "*" is all`)
	cmd.Flags().BoolVar(&f.enabled, "enabled", true, "whether it gets events")
	f.rest = addFlags(cmd, append(more, apiFlag{"description", "description", "what it is for"})...)
}

func (f *webhookFlags) body(cmd *cobra.Command) map[string]any {
	in := f.rest()
	if cmd.Flags().Changed("types") {
		in["types"] = f.types
	}
	if cmd.Flags().Changed("enabled") {
		in["enabled"] = f.enabled
	}
	return in
}

func webhookCreateCommand(c *apiClient) *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{Use: "create URL", Short: "Create a webhook and print its secret, this once", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := f.body(cmd)
		in["url"] = args[0]
		raw, err := c.call("POST", "/webhooks", in)
		if err != nil {
			return err
		}
		return showWebhook(c, cmd, raw)
	}}
	f.add(cmd, orgFlag)
	return cmd
}

func webhookUpdateCommand(c *apiClient) *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{Use: "update ID", Short: "Change what is given", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := f.body(cmd)
		if len(in) == 0 {
			return fmt.Errorf("%w: nothing to change was given", errUsage)
		}
		raw, err := c.call("PATCH", "/webhooks/"+url.PathEscape(args[0]), in)
		if err != nil {
			return err
		}
		return showWebhook(c, cmd, raw)
	}}
	f.add(cmd, apiFlag{"address", "url", "another address; the secret stays"}) // --url is the gateway's
	return cmd
}

func webhookTestCommand(c *apiClient) *cobra.Command {
	return &cobra.Command{Use: "test ID", Short: "Post an event of type webhook.test at once; fails when it is not taken", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		raw, err := c.call("POST", "/webhooks/"+url.PathEscape(args[0])+"/test", nil)
		if err != nil {
			return err
		}
		var t events.WebhookTest
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("the gateway's answer is not understood: %w", err)
		}
		err = c.show(cmd, raw, &t, func(out *tabwriter.Writer) {
			fmt.Fprintf(out, "ok\t%v\nstatus\t%d\n", t.OK, t.Status)
			if t.Error != "" {
				fmt.Fprintf(out, "error\t%s\n", t.Error)
			}
		})
		if err == nil && !t.OK {
			err = errReported
		}
		return err
	}}
}

func webhookDeliveriesCommand(c *apiClient) *cobra.Command {
	var page pageFlags
	var filter func() map[string]any
	cmd := &cobra.Command{Use: "deliveries ID", Short: "List what was sent to a webhook, newest first", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		raw, err := c.call("GET", "/webhooks/"+url.PathEscape(args[0])+"/deliveries?"+narrow(page.query(), filter()).Encode(), nil)
		if err != nil {
			return err
		}
		var list struct{ Data []core.Delivery }
		err = c.show(cmd, raw, &list, func(out *tabwriter.Writer) { deliveryTable(out, list.Data) })
		return page.tellMore(cmd, raw, err)
	}}
	page.add(cmd, 20)
	filter = addFlags(cmd, apiFlag{"state", "state", "only these: pending, delivered or failed"})
	return cmd
}

func deliveryTable(out *tabwriter.Writer, list []core.Delivery) {
	fmt.Fprintln(out, "TIME\tTYPE\tSTATE\tATTEMPTS\tSTATUS\tNEXT\tEVENT\tERROR")
	for _, d := range list {
		next := ""
		if d.State == core.DeliveryPending {
			next = d.NextAt.Local().Format(shortTime)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", d.CreatedAt.Local().Format(shortTime), d.Type, d.State, d.Attempts, d.LastStatus, next, d.EventID, d.LastError)
	}
}

const shortTime = "2006-01-02 15:04:05"

func eventCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "event", Short: "Events: what happened"}
	c.flags(cmd)
	replay := &cobra.Command{Use: "replay ID", Short: "Deliver an event once more, to every webhook that wants it", Args: cobra.ExactArgs(1)}
	body := addFlags(replay, apiFlag{"webhook", "webhook_id", "to this webhook alone"})
	replay.RunE = func(cmd *cobra.Command, args []string) error {
		raw, err := c.call("POST", "/events/"+url.PathEscape(args[0])+"/replay", body())
		if err != nil {
			return err
		}
		var list struct{ Data []core.Delivery }
		return c.show(cmd, raw, &list, func(out *tabwriter.Writer) {
			fmt.Fprintln(out, "DELIVERY\tWEBHOOK")
			for _, d := range list.Data {
				fmt.Fprintf(out, "%s\t%s\n", d.ID, d.WebhookID)
			}
		})
	}
	cmd.AddCommand(listCommand(c, "List events, newest first", "/events", 20, []apiFlag{fromFlag, toFlag, orgFlag,
		{"type", "type", "only of this type, such as key.created"}}, eventTable), replay)
	return cmd
}

func eventTable(out *tabwriter.Writer, list []core.Event) {
	fmt.Fprintln(out, "TIME\tTYPE\tID\tDATA")
	for _, e := range list {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", e.At.Local().Format(shortTime), e.Type, e.ID, e.Data)
	}
}
