package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// apiClient talks to a running gateway's admin API.
type apiClient struct {
	url, key string
	asJSON   bool
}

// flags adds what every command that talks to a gateway takes.
func (c *apiClient) flags(cmd *cobra.Command) {
	address := os.Getenv("TOKLIGENCE_URL")
	if address == "" {
		address = "http://127.0.0.1:8080"
	}
	f := cmd.PersistentFlags()
	f.StringVar(&c.url, "url", address, "the gateway's address (TOKLIGENCE_URL)")
	f.Lookup("url").DefValue = shownURL(address)
	f.StringVar(&c.key, "key", "", "admin key (TOKLIGENCE_ADMIN_KEY)")
	f.BoolVar(&c.asJSON, "json", false, "print JSON")
}

func (c *apiClient) open(method, path string, in any) (*http.Response, error) {
	key := c.key
	if key == "" {
		key = os.Getenv("TOKLIGENCE_ADMIN_KEY")
	}
	if key == "" {
		return nil, errors.New("an admin key is needed: --key or TOKLIGENCE_ADMIN_KEY")
	}
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, strings.TrimRight(c.url, "/")+"/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("the gateway's address %s cannot be used", shownURL(c.url)) // the cause quotes it
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the gateway at %s does not answer: %w", shownURL(c.url), errors.Unwrap(err))
	}
	if resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	return resp, nil
}

// shownURL is a URL without its user and password.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that is no URL"
	}
	if u.User != nil {
		u.User = url.User("***")
	}
	return core.MaskSecrets(u.String())
}

// problemOf reads the problem document of a failed call.
func problemOf(resp *http.Response) error {
	var p struct{ Detail, Param string }
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil || json.Unmarshal(raw, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the gateway answered %s", resp.Status)
	}
	if p.Param != "" {
		return fmt.Errorf("%s: %s", p.Param, p.Detail)
	}
	return errors.New(p.Detail)
}

// call sends in and returns the raw answer, nil when there is none.
func (c *apiClient) call(method, path string, in any) (json.RawMessage, error) {
	resp, err := c.open(method, path, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// export copies an answer as it comes.
func (c *apiClient) export(cmd *cobra.Command, path string) error {
	resp, err := c.open("GET", path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), resp.Body); err != nil {
		return fmt.Errorf("the export is not complete: %w", err)
	}
	return nil
}

// show prints the answer as it is with --json, else as text writes it.
func (c *apiClient) show(cmd *cobra.Command, raw json.RawMessage, v any, text func(w *tabwriter.Writer)) error {
	if c.asJSON {
		var out bytes.Buffer
		if err := json.Indent(&out, raw, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(out.String()))
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("the gateway's answer is not understood: %w", err)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// pageFlags choose the part of a list.
type pageFlags struct {
	limit  int
	cursor string
}

func (p *pageFlags) add(cmd *cobra.Command, limit int) {
	cmd.Flags().IntVar(&p.limit, "limit", limit, "how many, 1000 at most")
	cmd.Flags().StringVar(&p.cursor, "cursor", "", "where an earlier list ended")
}

func (p *pageFlags) query() url.Values {
	return url.Values{"limit": {strconv.Itoa(p.limit)}, "cursor": {p.cursor}}
}

// tellMore says that a list goes on. It passes err on.
func (p *pageFlags) tellMore(cmd *cobra.Command, raw json.RawMessage, err error) error {
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &page); err == nil && page.NextCursor != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --cursor %s\n", page.NextCursor)
	}
	return nil
}
