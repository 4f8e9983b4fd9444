package plugin

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// What a plugin says is checked here before anything is done with it: a plugin
// must not reach another host, forge a header or make up usage.

func valid(doc []byte) error {
	if err := scan.Valid(doc); err != nil {
		return fmt.Errorf("the reply is not JSON: %w", err)
	}
	return nil
}

func object(what string, raw []byte) error {
	if scan.Kind(raw) != '{' {
		return fmt.Errorf("%s is not a JSON object", what)
	}
	return nil
}

func checkPlan(p *abi.PlanReply, r *abi.PlanRequest) error {
	if !p.Supported || p.Local {
		return nil
	}
	if err := checkURL(p.URL, r.Deployment.BaseURL); err != nil {
		return err
	}
	for _, m := range []abi.Mode{p.Request.Mode, p.Response.Mode, p.Stream.Mode} {
		if m != abi.Passthrough && m != abi.Transform && m != "" {
			return fmt.Errorf("%q is not a mode", m)
		}
	}
	return checkHeaders(p.Headers)
}

// checkURL holds a URL to the deployment's own base, or to https where it has none.
func checkURL(raw, base string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the URL is not an absolute http or https address")
	}
	if base == "" {
		if u.Scheme != "https" {
			return errors.New("the URL is not https")
		}
		return nil
	}
	b, err := url.Parse(base)
	if err != nil || u.Scheme != b.Scheme || !strings.EqualFold(u.Host, b.Host) {
		return errors.New("the URL leads to another host than the deployment's base_url")
	}
	return nil
}

// forbidden are headers that are the host's own business.
var forbidden = map[string]bool{"host": true, "content-length": true, "transfer-encoding": true, "connection": true, "authorization": true,
	"proxy-authorization": true, "proxy-connection": true, "cookie": true, "te": true, "trailer": true, "upgrade": true, "keep-alive": true, "expect": true}

func checkHeaders(h abi.Headers) error {
	for name, value := range h {
		for i := range len(name) {
			if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
				return fmt.Errorf("%q is not a header name", name)
			}
		}
		if name == "" || forbidden[strings.ToLower(name)] {
			return fmt.Errorf("the header %q is not the plugin's to set", name)
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("the header %q has a line break in it", name)
		}
	}
	return nil
}

func checkEncode(e *abi.EncodeReply, r *abi.EncodeRequest) error {
	if e.URL != "" {
		if err := checkURL(e.URL, r.Deployment.BaseURL); err != nil {
			return err
		}
	}
	for _, n := range e.Notices {
		if strings.ContainsAny(n, "\r\n\x00") {
			return errors.New("a notice has a line break in it")
		}
	}
	return errors.Join(object("body", e.Body), checkHeaders(e.Headers))
}

// maxUsage is more than any answer can have used.
const maxUsage = 1e12

func checkUsage(u *abi.Usage) error {
	if u == nil {
		return nil
	}
	for _, n := range [...]*int64{u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Output, u.Reasoning, u.AudioInput, u.AudioOutput,
		u.ImageInput, u.ImageOutput, u.Images, u.Milliseconds, u.Characters, u.Searches} {
		if n != nil && (*n < 0 || *n > maxUsage) {
			return fmt.Errorf("a usage of %d is absurd", *n)
		}
	}
	return nil
}

func checkEvents(r *abi.DecodeEventsReply) error {
	for _, c := range r.Chunks {
		if err := object("a chunk", c); err != nil {
			return err
		}
	}
	return checkUsage(r.Usage)
}

func checkRank(r *abi.RankReply, n int) error {
	seen := make([]bool, n)
	for _, i := range r.Order {
		if i < 0 || i >= n || seen[i] {
			return fmt.Errorf("the order %v is none of %d candidates", r.Order, n)
		}
		seen[i] = true
	}
	if len(r.Order) == 0 {
		return errors.New("the order is empty")
	}
	if r.TTLMS < 0 || r.Shares != nil && len(r.Shares) != n {
		return errors.New("the shares do not fit the candidates")
	}
	for i, s := range r.Shares {
		if s < 0 || math.IsNaN(s) || math.IsInf(s, 0) || s > 0 && !seen[i] {
			return fmt.Errorf("share %d is %v", i, s)
		}
	}
	return nil
}

func checkInspect(r *abi.InspectReply, q *abi.InspectRequest, hold int) error {
	switch r.Verdict {
	case abi.Allow, abi.Block, abi.Rewrite, abi.Fetch:
	default:
		return fmt.Errorf("%q is not a verdict", r.Verdict)
	}
	if r.Hold < 0 || r.Hold > hold {
		return fmt.Errorf("a hold of %d is outside of what the manifest asks for (%d)", r.Hold, hold)
	}
	for _, s := range r.Segments {
		known := false
		for i := range q.Segments {
			known = known || q.Segments[i].ID == s.ID
		}
		if !known {
			return fmt.Errorf("segment %d was not asked about", s.ID)
		}
	}
	for _, f := range r.Findings {
		if f.Rule == "" || f.Count < 0 {
			return errors.New("a finding has no rule")
		}
	}
	return nil
}
