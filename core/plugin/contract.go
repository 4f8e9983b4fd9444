package plugin

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// What a plugin says is checked here before anything is done with it: a plugin
// must not reach another host, forge a header or make up usage.

func object(what string, raw []byte) error {
	if scan.Kind(raw) != '{' {
		return fmt.Errorf("%s is not a JSON object", what)
	}
	return nil
}

func checkPlan(p *abi.PlanReply, endpoint abi.Endpoint, base string, has func(abi.Function) bool) error {
	if !p.Supported {
		return nil
	}
	if err := errors.Join(checkFunctions(p, endpoint, has), checkRealtime(p.Realtime)); err != nil || p.Local {
		return err
	}
	if p.Native != nil {
		return checkNative(p, base)
	}
	if err := checkPlanURL(p.URL, base); err != nil {
		return err
	}
	if p.Method != "" && !core.IsToken(p.Method) {
		return fmt.Errorf("%q is not a method", p.Method)
	}
	for _, m := range []abi.Mode{p.Request.Mode, p.Response.Mode, p.Stream.Mode} {
		if m != abi.Passthrough && m != abi.Transform && m != "" {
			return fmt.Errorf("%q is not a mode", m)
		}
	}
	if err := errors.Join(checkFraming(p.Stream.Framing), checkAuth(&p.Auth), checkForward(p.Request.ForwardHeaders)); err != nil {
		return err
	}
	return errors.Join(checkEdits(p.Request.Edits), checkEdits(p.Response.Edits), checkEdits(p.Stream.Edits), checkHeaders(p.Headers))
}

func checkFraming(f abi.Framing) error {
	switch f {
	case "", abi.FramingSSE, abi.FramingNDJSON, abi.FramingAWSEventStream:
		return nil
	}
	return fmt.Errorf("%q is not a framing", f)
}

// checkForward: a client's virtual key is not passed on under any header's name.
func checkForward(names []string) error {
	for _, name := range names {
		if err := checkHeader(name, ""); err != nil || core.UseOf(strings.ToLower(name)) == core.HeaderKey {
			return fmt.Errorf("the client's header %q is not forwarded", name)
		}
	}
	return nil
}

// checkFunctions holds a plan to what the plugin answers: what it lacks would
// fail every request.
func checkFunctions(p *abi.PlanReply, endpoint abi.Endpoint, has func(abi.Function) bool) error {
	encodes := abi.Encode
	if endpoint == abi.Realtime && !p.Local {
		encodes = abi.Converse
	}
	for _, part := range [...]struct {
		called bool
		by     abi.Function
	}{
		{p.Request.Mode == abi.Transform || p.Local, encodes},
		{p.Response.Mode == abi.Transform, abi.Decode},
		{p.Stream.Mode == abi.Transform, abi.DecodeEvents},
	} {
		if part.called && !has(part.by) {
			return fmt.Errorf("it wants %s, which the plugin does not have", part.by)
		}
	}
	return nil
}

func checkAuth(a *abi.Auth) error {
	switch a.Scheme {
	case "", abi.AuthNone, abi.AuthBearer, abi.AuthSigV4, abi.AuthGoogle, abi.AuthEntra, abi.AuthOAuth2:
		return nil
	case abi.AuthHeader, abi.AuthQuery:
		if !core.IsToken(a.Name) {
			return fmt.Errorf("the authentication scheme %q needs a name, not %q", a.Scheme, a.Name)
		}
		return nil
	}
	return fmt.Errorf("%q is not an authentication scheme", a.Scheme)
}

func checkEdits(edits []abi.Edit) error {
	for _, e := range edits {
		at, err := abi.ParsePath(e.Key)
		ok := err == nil
		switch e.Op {
		case abi.EditSet, abi.EditDefault:
			ok = ok && len(e.Value) > 0
		case abi.EditDrop:
			ok = ok && len(at) > 1 && at[len(at)-2].Each && scan.Kind(e.Value) == '['
		case abi.EditRename, abi.EditCopy, abi.EditSplitThinking, abi.EditJoinThinking, abi.EditNest:
			ok = ok && e.To != "" && e.To != e.Key && !strings.ContainsAny(e.To, ".[]")
		case abi.EditRemove, abi.EditUnwrap, abi.EditInt8:
		case abi.EditLift:
			ok = ok && len(at) > 1 && !at[len(at)-2].Each && len(e.Value) > 0 && e.To != "" && !strings.ContainsAny(e.To, ".[]")
		case abi.EditShortID:
			n, isInt := scan.Int(e.Value)
			ok = ok && isInt && 1 <= n && n <= 10
		default:
			ok = false
		}
		if !ok || len(e.Where) > 0 && scan.Kind(e.Where) != '{' {
			return fmt.Errorf("the edit %q of %q is not one", e.Op, e.Key)
		}
	}
	return nil
}

// checkPlanURL is checkURL, but that a provider whose server usually runs beside the
// gateway may plan for it over http; whether it is called is for allow_private to say.
func checkPlanURL(raw, base string) error {
	if base == "" && onLoopback(raw) {
		base = raw
	}
	return checkURL(raw, base)
}

// onLoopback reports whether a URL leads to an address of this machine.
func onLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
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
		return errors.New("the URL leads to another host than the deployment")
	}
	return nil
}

// checkHeaders looks at the headers of a provider's request. The plan's auth says
// where its key goes: what stood there otherwise would not be sent, and a client's
// virtual key must not reach a vendor.
func checkHeaders(h abi.Headers) error {
	for name, value := range h {
		if err := checkHeader(name, value); err != nil {
			return err
		}
		if core.UseOf(strings.ToLower(name)) == core.HeaderKey {
			return fmt.Errorf("the header %q is not the plugin's to set", name)
		}
	}
	return nil
}

func checkHeader(name, value string) error {
	switch {
	case !core.IsToken(name):
		return fmt.Errorf("%q is not a header name", name)
	case core.UseOf(strings.ToLower(name)) == core.HeaderReserved:
		return fmt.Errorf("the header %q is not the plugin's to set", name)
	case !core.IsFieldValue(value):
		return fmt.Errorf("the header %q has a line break or another control character in it", name)
	}
	return nil
}

// checkEncode holds the URL to that of the plan, and a local answer's status to
// those that a vendor can answer with. The plan is zero where neither matters.
func checkEncode(e *abi.EncodeReply, plan *planned) error {
	if e.URL != "" {
		if plan.url == "" {
			return errors.New("the URL belongs to no plan")
		}
		if err := checkURL(e.URL, plan.url); err != nil {
			return err
		}
	}
	if plan.local {
		if status := scan.Get(e.Body, "status"); status != nil {
			if n, ok := scan.Int(status); !ok || n != 0 && (n < 200 || n > 599) {
				return fmt.Errorf("a local answer's status is %.20s", status)
			}
		}
	}
	for _, n := range e.Notices {
		if !core.IsFieldValue(n) { // it becomes a header
			return errors.New("a notice has a line break or another control character in it")
		}
	}
	return errors.Join(checkEncodedBody(e), checkHeaders(e.Headers))
}

// checkEncodedBody wants one body: a JSON object, a form or a file. Which files
// there are the host knows when it sends them.
func checkEncodedBody(e *abi.EncodeReply) error {
	switch {
	case e.Form == nil && e.File == nil:
		return object("body", e.Body)
	case e.Form != nil && e.File != nil || e.Body != nil:
		return errors.New("it has more than one body")
	case e.File != nil:
		return checkFile(e.File)
	}
	for i := range e.Form {
		part := &e.Form[i]
		if part.Name == "" || !core.IsFieldValue(part.Name) {
			return fmt.Errorf("part %d of the form has no name that can be sent", i)
		}
		if part.File == nil {
			continue
		}
		if err := checkFile(part.File); err != nil {
			return err
		}
	}
	return nil
}

func checkFile(f *abi.FileRef) error {
	if f.Number < 0 || !core.IsFieldValue(f.Filename) || !core.IsFieldValue(f.ContentType) {
		return errors.New("a file has a number, a name or a type that cannot be sent")
	}
	return nil
}

// checkDecoded wants a JSON object, or with a media type of its own a JSON string.
func checkDecoded(d *abi.DecodeReply) error {
	if d.ContentType == "" {
		return errors.Join(object("body", d.Body), checkUsage(d.Usage))
	}
	if d.WaveRate < 0 || d.WaveRate > maxWaveRate {
		return fmt.Errorf("%d is no rate of samples", d.WaveRate)
	}
	if scan.Kind(d.Body) != '"' || !core.IsFieldValue(d.ContentType) {
		return errors.New("an answer with a content type is a JSON string")
	}
	return checkUsage(d.Usage)
}

// maxWaveRate is more than any sound has.
const maxWaveRate = 1_000_000

// maxUsage is more than any answer can have used.
const maxUsage = 1e12

func checkUsage(u *abi.Usage) error {
	if u == nil {
		return nil
	}
	for _, n := range [...]*int64{u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Output, u.Reasoning, u.AudioInput, u.AudioOutput,
		u.ImageInput, u.ImageOutput, u.AudioCached, u.ImageCached, u.Images, u.Milliseconds, u.Characters, u.Searches} {
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

func checkInspect(r *abi.InspectReply, q *abi.InspectRequest, c *abi.Capabilities) error {
	switch r.Verdict {
	case abi.Allow, abi.Block:
	case abi.Rewrite:
		if !c.Rewrite {
			return errors.New("it rewrites, which its manifest does not ask for")
		}
	case abi.Fetch:
		if err := checkFetch(r.HTTPRequest, c.Hosts); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%q is not a verdict", r.Verdict)
	}
	if r.Hold < 0 || r.Hold > c.Hold {
		return fmt.Errorf("a hold of %d is outside of what the manifest asks for (%d)", r.Hold, c.Hold)
	}
	for _, f := range r.Findings {
		if f.Rule == "" || f.Count < 0 {
			return errors.New("a finding has no rule")
		}
	}
	if len(r.Segments) == 0 {
		return nil
	}
	if r.Verdict != abi.Rewrite {
		return fmt.Errorf("it gives new text, but its verdict is %q", r.Verdict)
	}
	asked := make(map[int]bool, len(q.Segments))
	for i := range q.Segments {
		asked[q.Segments[i].ID] = true
	}
	for _, s := range r.Segments {
		if !asked[s.ID] {
			return fmt.Errorf("segment %d was not asked about, or is answered twice", s.ID)
		}
		delete(asked, s.ID)
	}
	return nil
}

// checkFetch holds an HTTP effect to the hosts that the manifest asks for, all
// of which are granted.
func checkFetch(r *abi.HTTPRequest, hosts []string) error {
	if r == nil {
		return errors.New("it wants to fetch nothing")
	}
	if err := checkURL(r.URL, ""); err != nil {
		return err
	}
	u, err := url.Parse(r.URL)
	if err != nil || !HostIn(hosts, u) {
		return errors.New("it wants to fetch from a host that its manifest does not ask for")
	}
	if !core.IsToken(r.Method) {
		return fmt.Errorf("%q is not a method", r.Method)
	}
	for name, value := range r.Headers { // those of keys too: the host fills them in, or refuses
		if err := checkHeader(name, value); err != nil {
			return err
		}
	}
	return nil
}

// HostIn reports whether u leads to one of the hosts. One without a port is
// meant at https's own.
func HostIn(hosts []string, u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return slices.ContainsFunc(hosts, func(h string) bool {
		if !strings.Contains(h, ":") {
			h += ":443"
		}
		return strings.EqualFold(h, u.Hostname()+":"+port)
	})
}
