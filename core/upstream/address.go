package upstream

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tokligence/gateway/core"
)

// metadata is AWS's metadata address in IPv6, which lies in a private range.
var metadata = netip.MustParseAddr("fd00:ec2::254")

// shared is the carriers' shared address space (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// checkAddress refuses addresses that no deployment may lead to. It sees what
// the name resolved to, at the moment of connecting, so no trick with names
// gets around it.
func checkAddress(address string, allowPrivate bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := ap.Addr().Unmap()
	switch {
	case a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a == metadata:
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the deployment's address is one that the gateway never connects to")
	case !allowPrivate && (a.IsLoopback() || a.IsPrivate() || shared.Contains(a)):
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the deployment's address is private, and its allow_private is not set")
	}
	return nil
}

// outProxy is a forward proxy that the environment names.
type outProxy struct{ addr, auth string }

// proxyFor reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY as other programs do.
func proxyFor(t *target) (*outProxy, error) {
	names := [...]string{"HTTP_PROXY", "http_proxy"}
	if t.secure {
		names = [...]string{"HTTPS_PROXY", "https_proxy"}
	}
	raw := os.Getenv(names[0])
	if raw == "" {
		raw = os.Getenv(names[1])
	}
	if raw == "" || exempt(t.server) {
		return nil, nil
	}
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "%s is not the address of an http proxy", names[0])
	}
	p := &outProxy{addr: u.Host}
	if u.Port() == "" {
		p.addr = net.JoinHostPort(u.Hostname(), "80")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		p.auth = base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
	}
	return p, nil
}

// exempt reports whether the host goes around the proxy: this machine always,
// and what NO_PROXY lists, with all below it.
func exempt(host string) bool {
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		return true
	}
	list := os.Getenv("NO_PROXY")
	if list == "" {
		list = os.Getenv("no_proxy")
	}
	for _, e := range strings.Split(list, ",") {
		e = strings.TrimPrefix(strings.TrimSpace(e), ".")
		if e == "*" || e != "" && (host == e || strings.HasSuffix(host, "."+e)) {
			return true
		}
	}
	return false
}

// connect asks the proxy for a tunnel to addr.
func (p *outProxy) connect(ctx context.Context, c net.Conn, addr string) error {
	if d, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(d); err != nil {
			return err
		}
	}
	request := fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\n", addr, addr)
	if p.auth != "" {
		request += "Proxy-Authorization: Basic " + p.auth + "\r\n"
	}
	if _, err := c.Write([]byte(request + "\r\n")); err != nil {
		return err
	}
	resp, err := parseHead(bufio.NewReaderSize(c, 1)) // not a byte of the tunnel may be read ahead
	if err != nil {
		return err
	}
	if resp.Status != 200 {
		return core.Errorf(core.CodeUpstreamUnavailable, core.SourceGateway, "the forward proxy refused the connection with status %d", resp.Status)
	}
	return c.SetDeadline(time.Time{})
}
