package config

import (
	"encoding/hex"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/pdk/abi"
)

// Checks of single values: each reports what is wrong at the value's place.

func positive[N ~int64](v value, n N) {
	if n <= 0 {
		v.fail("must be more than zero")
	}
}

func notNegative[N int64 | float64](v value, n N) {
	if n < 0 {
		v.fail("must not be negative")
	}
}

func notEmpty(v value, s string) {
	if strings.TrimSpace(s) == "" {
		v.fail("must not be empty")
	}
}

// named is the required field "name".
func named[T any](doc string, at func(*T) *string) field[T] {
	return required(text("name", "", doc, at, func(v value, s string) {
		if !validName(s) {
			v.fail("must be 1 to 128 visible ASCII characters without spaces, commas, quotes, brackets or backslashes")
		}
	}))
}

// path is a file's path, relative to the file that names it.
func path[T any](name, doc string, at func(*T) *string) field[T] {
	f := text(name, `""`, doc+"; a relative path starts beside this file", at)
	read := f.set
	f.set = func(t *T, v value) {
		read(t, v)
		if p := at(t); *p != "" {
			*p = resolvePath(v.at.src.dir, *p)
		}
	}
	return f
}

// small is an integer from 0 to a million.
func small[T any](name, def, doc string, at func(*T) *int) field[T] {
	return field[T]{
		Field: Field{Name: name, Type: "integer", Default: def, Doc: doc},
		set: func(t *T, v value) {
			n, ok := v.whole()
			if !ok {
				return
			}
			if n < 0 || n > 1e6 {
				v.fail("must be between 0 and 1000000")
				return
			}
			*at(t) = int(n)
		},
	}
}

func withDefault[T any](def string, f field[T]) field[T] {
	f.Default = def
	return f
}

// setProxies reads addresses and networks.
func setProxies(s *Server, v value) {
	list, ok := v.texts()
	if !ok { // the places of what is left would be wrong
		return
	}
	for i, text := range list {
		p, ok := core.ParseRange(text)
		switch {
		case !ok:
			v.l.fail(v.at.element(i), "%q is neither an address nor a network such as %q", text, "10.0.0.0/8")
		case p.Bits() == 0:
			v.l.fail(v.at.element(i), "%q would believe everybody", text)
		}
		s.TrustedProxies = append(s.TrustedProxies, p)
	}
}

func isListen(v value, s string) {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		v.fail("%q is not an address such as %q or %q", s, "127.0.0.1:8080", ":8080")
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		v.fail("port %q is not a number from 0 to 65535", port)
	}
}

func isStorageURL(v value, s string) {
	scheme, rest, _ := strings.Cut(s, "://")
	if rest == "" || !slices.Contains([]string{"sqlite", "postgres", "postgresql"}, scheme) {
		// Not quoted: a URL may hold a password.
		v.fail("must be sqlite:// and the path of a file, or postgres://user:password@host:port/name")
	}
}

var pluginID = regexp.MustCompile(`^(provider|strategy|guardrail)\.[a-z0-9][a-z0-9_-]*$`)

func isPluginID(v value, s string) {
	if !pluginID.MatchString(s) {
		v.fail("%q is not a plugin id: kind.name in lower case, where kind is provider, strategy or guardrail", s)
	}
}

// kindOf is the kind in a plugin id.
func kindOf(id string) abi.Kind {
	kind, _, _ := strings.Cut(id, ".")
	return abi.Kind(kind)
}

func isSource(v value, s string) {
	if name, ok := strings.CutPrefix(s, builtinPrefix); s == "" || ok && name == "" {
		v.fail("must be builtin:NAME or the path of a file")
	}
}

// builtinPrefix marks plugins that are inside the binary.
const builtinPrefix = "builtin:"

func isSHA256(v value, s string) {
	if b, err := hex.DecodeString(s); s != "" && (err != nil || len(b) != 32 || s != strings.ToLower(s)) {
		v.fail("must be 64 lower-case hex digits")
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

func areHosts(v value, list []string) {
	for i, h := range list {
		if !hostName.MatchString(h) {
			v.l.fail(v.at.element(i), "%q is not a host name such as %q", h, "api.example.com")
		}
	}
}

func areStages(v value, list []string) {
	if len(list) == 0 {
		v.fail("must name at least one of %s", strings.Join(stages, ", "))
	}
	for i, s := range list {
		if !slices.Contains(stages, s) {
			v.l.fail(v.at.element(i), "%q is not one of %s%s", s, strings.Join(stages, ", "), didYouMean(s, stages))
		}
	}
}
