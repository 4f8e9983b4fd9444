package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/store"
)

// doctorCommand looks at everything that the gateway needs, and says all that is wrong.
func doctorCommand() *cobra.Command {
	var path, url string
	cmd := &cobra.Command{Use: "doctor", Short: "Look at what the gateway needs to run", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		d := &doctor{out: cmd.OutOrStdout()}
		c, problems, err := check(cmd, path)
		if err != nil {
			return err
		}
		d.configuration(path, problems)
		if c == nil {
			return errReported
		}
		d.credentials(c)
		d.store(cmd.Context(), c.Storage.URL)
		if url == "" {
			url = ownURL(c.Server)
		}
		d.gateway(cmd.Context(), url, time.Now)
		if d.failed {
			return errReported
		}
		return nil
	}}
	cmd.Flags().StringVarP(&path, "config", "c", "gateway.toml", "configuration file")
	cmd.Flags().StringVar(&url, "url", os.Getenv("TOKLIGENCE_URL"), "the gateway's address (TOKLIGENCE_URL); by default where the configuration lets it listen")
	cmd.Flags().Lookup("url").DefValue = shownURL(url)
	return cmd
}

type doctor struct {
	out    io.Writer
	failed bool
}

// say prints one line of the diagnosis.
func (d *doctor) say(what, detail string, err error) {
	mark := "ok"
	if err != nil {
		mark, d.failed = "FAIL", true
		detail += ": " + err.Error()
	}
	fmt.Fprintf(d.out, "%-5s %-14s %s\n", mark, what, core.MaskSecrets(detail))
}

func (d *doctor) configuration(path string, problems []config.Problem) {
	var errs []error
	for _, p := range problems {
		if !p.Warning {
			errs = append(errs, errors.New(p.String()))
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		err = errors.New(strings.ReplaceAll("\n"+err.Error(), "\n", "\n      "))
	}
	d.say("configuration", path+" and its plugins", err)
}

// credentials tells which have their values; one without is no failure.
func (d *doctor) credentials(c *config.Config) {
	credentials := c.Credentials()
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		cr := credentials[name]
		if len(cr.Missing) > 0 {
			fmt.Fprintf(d.out, "%-5s %-14s %s\n", "-", "credential", cr.Name+" is not configured: "+strings.Join(cr.Missing, ", "))
			continue
		}
		d.say("credential", cr.Name, nil)
	}
}

// store opens a database that is there; looking makes none.
func (d *doctor) store(ctx context.Context, url string) {
	name := store.Name(url)
	made := name + " will be made at the first start"
	if file, ok := strings.CutPrefix(url, "sqlite://"); ok {
		file, _, _ = strings.Cut(file, "?")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			d.say("store", made, nil)
			return
		}
	}
	have, missing, err := store.Examine(ctx, url)
	switch {
	case err != nil || missing == 0:
	case have == 0:
		name = "the tables in " + made
	default:
		name += " will be brought up to date at the next start"
	}
	d.say("store", name, err)
}

// ownURL is where a gateway with this configuration answers on its own machine.
func ownURL(s config.Server) string {
	scheme := "http://"
	if s.TLSCert != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return scheme + s.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // all addresses: one of them is
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// clockTolerance is how far two clocks may be apart: expiry and budgets count in
// seconds, and providers refuse signatures that are minutes off.
const clockTolerance = 5 * time.Second

// gateway asks whether a running gateway is ready and has the same time.
func (d *doctor) gateway(ctx context.Context, url string, now func() time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	shown := shownURL(url)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/readyz", nil)
	if err != nil {
		d.say("gateway", shown, errors.New("it is no URL")) // the cause quotes it
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.say("gateway", shown, errors.Unwrap(err))
		return
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)); resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s", resp.Status, strings.TrimSpace(string(body)))
	}
	d.say("gateway", shown, err)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if off := now().Sub(date); err == nil && off.Abs() > clockTolerance {
		err = fmt.Errorf("%s away from the gateway's", off.Abs().Round(time.Second))
	}
	d.say("clock", "same as the gateway's", err)
}
