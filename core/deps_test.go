package core_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tokligence/gateway/"

// edges are the imports that packages of this module may have of each other.
// A package is listed with those it may use; core, the words, is open to all of
// core/. What is not listed may be imported by nobody but the wiring.
var edges = map[string][]string{
	"core":                            {},
	"core/sse":                        {},
	"core/segment":                    {"pdk/abi", "pdk/abi/scan"},
	"core/guard":                      {"core/segment", "core/sse", "pdk/abi", "pdk/abi/scan"},
	"core/limit":                      {},
	"core/patch":                      {"pdk/abi", "pdk/abi/scan"},
	"core/ledger":                     {},
	"core/ledger/prices":              {},
	"core/keys":                       {"pdk/abi"},
	"core/reach":                      {},
	"core/seal":                       {},
	"core/signin":                     {},
	"core/jwt":                        {},
	"core/store":                      {"pdk/abi/scan"},
	"core/store/storetest":            {},
	"core/routing":                    {"pdk/abi"},
	"core/upstream":                   {"core/reach", "core/socket", "core/sse", "core/upstream/token", "pdk/abi"},
	"core/upstream/token":             {"core/reach", "pdk/abi"},
	"core/config":                     {"pdk/abi", "core/ledger/prices", "core/reach", "core/seal"},
	"core/revision":                   {"core/config"},
	"core/dialect":                    {"core/dialect/bridge", "core/dialect/completions", "core/dialect/messages", "core/dialect/responses", "pdk/abi", "pdk/abi/scan"},
	"core/dialect/bridge":             {"pdk/abi/llm", "pdk/abi/scan"},
	"core/dialect/bridge/bridgetest":  {"core/dialect/bridge", "pdk/abi/scan"},
	"core/dialect/completions":        {"core/dialect/bridge", "core/sse", "pdk/abi/scan"},
	"core/dialect/messages":           {"core/dialect/bridge", "core/sse", "pdk/abi", "pdk/abi/scan", "pdk/abi/llm"},
	"core/plugin":                     {"pdk/abi", "pdk/abi/scan", "pdk/abi/wire", "pdk/long"},
	"core/plugin/wasmhost":            {"core/plugin", "core/plugin/codecache", "core/plugin/guestlog", "core/plugin/wasmhost/instrument", "pdk/abi", "pdk/abi/scan", "pdk/abi/wire"},
	"core/plugin/wasmhost/instrument": {},
	"core/plugin/carriertest":         {"core/plugin", "core/plugin/guestlog", "core/plugin/carriertest/guest", "core/plugin/carriertest/module", "pdk/abi"},
	"core/plugin/carriertest/guest":   {"pdk/abi", "pdk/abi/scan", "pdk/abi/wire"},
	"core/plugin/carriertest/module":  {},
	"core/plugin/extismhost":          {"core/plugin", "core/plugin/codecache", "core/plugin/guestlog", "pdk/abi", "pdk/abi/scan", "pdk/abi/wire"},
	"core/plugin/prochost":            {"core/plugin", "core/plugin/guestlog", "pdk/abi", "pdk/abi/scan", "pdk/abi/wire", "pdk/process", "pdk/process/proto"},
	"core/sound":                      {},
	"core/socket":                     {},
	"core/realtime":                   {"core/socket", "pdk/abi/scan"},
	"core/form":                       {"pdk/abi", "pdk/abi/scan"},
	"core/dialect/responses":          {"core/dialect/bridge", "pdk/abi/llm", "pdk/abi/scan"},
	"core/exchange":                   {"core/form", "core/sound", "core/dialect", "core/dialect/bridge", "core/guard", "core/kept", "core/ledger", "core/limit", "core/patch", "core/realtime", "core/routing", "core/socket", "core/sse", "core/upstream", "pdk/abi", "pdk/abi/llm", "pdk/abi/scan"},
	"core/httpapi":                    {"core/exchange", "core/kept", "core/realtime", "core/socket", "pdk/abi"},
	"core/kept":                       {"pdk/abi/scan"},
	"core/adminapi":                   {"core/config", "core/events", "core/keys", "core/ledger", "core/seal", "core/signin"},
	"core/smtp":                       {},
	"core/events":                     {"core/reach", "core/upstream", "pdk/abi"},
	"core/obs":                        {"core/events", "core/exchange", "core/ledger", "core/plugin", "pdk/abi", "pdk/abi/scan"},
	"core/cmd/bench":                  {},
	"core/plugin/codecache":           {},
	"core/plugin/guestlog":            {},
	"pdk/abi":                         {},
	"pdk/abi/scan":                    {},
	"pdk/abi/llm":                     {"pdk/abi", "pdk/abi/scan"},
	"pdk/abi/wire":                    {"pdk/abi", "pdk/abi/scan"},
	"pdk/go":                          {"pdk/abi", "pdk/abi/scan", "pdk/abi/wire"},
	"pdk/process":                     {"pdk/abi", "pdk/abi/wire", "pdk/go", "pdk/process/proto"},
	"pdk/process/proto":               {},
	"pdk/process/proto/internal/*":    {},
	"pdk/long":                        {"pdk/abi/scan"},
	"pdk/vector":                      {"pdk/abi", "pdk/abi/scan", "pdk/abi/wire", "pdk/long"},
	"pdk/conformance":                 {"core/plugin", "core/plugin/wasmhost", "core/plugin/extismhost", "core/plugin/prochost", "pdk/abi", "pdk/abi/scan", "pdk/abi/wire", "pdk/vector"},
	"plugins":                         {},
	"plugins/internal/vectortest":     {"pdk/abi", "pdk/abi/scan", "pdk/go", "pdk/vector"},
	"plugins/codec/claude":            {"pdk/abi/llm", "pdk/abi/scan"},
	"plugins/codec/*":                 {"pdk/abi", "pdk/abi/llm", "pdk/abi/scan", "pdk/go", "plugins/codec/claude"},
	"plugins/providers/*":             {"pdk/abi", "pdk/abi/llm", "pdk/abi/scan", "pdk/go", "plugins/codec/anthropic", "plugins/codec/claude", "plugins/codec/gemini", "plugins/codec/responses", "plugins/codec/transcribe"},
	"plugins/*":                       {"pdk/abi", "pdk/abi/llm", "pdk/abi/scan", "pdk/go", "pdk/process"},
	"web":                             {},
	"sdk-examples/*":                  {"pdk/abi", "pdk/abi/llm", "pdk/abi/scan", "pdk/go", "pdk/process"},
}

// homes are the only places where a technology's types may be seen.
var homes = map[string][]string{
	"github.com/tetratelabs/wazero":       {"core/plugin/codecache", "core/plugin/wasmhost", "core/plugin/extismhost"},
	"github.com/extism/go-sdk":            {"core/plugin/extismhost"},
	"github.com/hashicorp/go-plugin":      {"core/plugin/prochost", "pdk/process"},
	"google.golang.org/grpc":              {"core/plugin/prochost", "pdk/process"},
	"github.com/mattn/go-sqlite3":         {"core/store"},
	"github.com/jackc/pgx":                {"core/store"},
	"database/sql":                        {"core/store"},
	"github.com/coder/websocket":          {"core/socket"},
	"github.com/gorilla/mux":              {"core/httpapi", "core/adminapi"},
	"github.com/BurntSushi/toml":          {"core/config", "core/cmd/tokligence"},
	"github.com/prometheus/client_golang": {"core/obs"},
	"github.com/wneessen/go-mail":         {"core/smtp"},
	"github.com/aws":                      {"core/upstream", "core/upstream/token"},
	"github.com/coreos/go-oidc":           {"core/signin", "core/jwt"},
	"golang.org/x/oauth2":                 {"core/signin", "core/upstream/token"},
	"golang.org/x/crypto/argon2":          {"core/signin"},
	"net/http/httputil":                   {"core/cmd/bench"},
	"github.com/fsnotify/fsnotify":        {"core/revision"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// TestDirection holds the arrows: they point at words, and nobody but the wiring
// imports a technology.
func TestDirection(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		check(t, strings.TrimPrefix(p.ImportPath, module), p.Imports)
	}
	if seen < 20 {
		t.Fatalf("only %d packages were listed", seen)
	}
}

func check(t *testing.T, pkg string, imports []string) {
	if pkg == "core/cmd/tokligence" {
		return
	}
	allowed, ok := lookup(pkg)
	if !ok {
		t.Errorf("%s has no line in the table of edges", pkg)
		return
	}
	for _, imp := range imports {
		for technology, where := range homes {
			if (imp == technology || strings.HasPrefix(imp, technology+"/")) && !under(pkg, where) {
				t.Errorf("%s imports %s, whose home is %v", pkg, imp, where)
			}
		}
		if (pkg == "core" || pkg == "pdk/abi") && strings.Contains(imp, ".") {
			t.Errorf("%s imports %s: only the standard library is allowed there", pkg, imp)
		}
		local, ours := strings.CutPrefix(imp, module)
		if !ours || local == "core" && strings.HasPrefix(pkg, "core/") || slices.Contains(allowed, local) {
			continue
		}
		t.Errorf("%s imports %s", pkg, local)
	}
}

// lookup finds the line of a package, or of the nearest folder above it that has one for all below.
func lookup(pkg string) ([]string, bool) {
	if allowed, ok := edges[pkg]; ok {
		return allowed, true
	}
	for folder := pkg; ; {
		i := strings.LastIndexByte(folder, '/')
		if i < 0 {
			return nil, false
		}
		folder = folder[:i]
		if allowed, ok := edges[folder+"/*"]; ok {
			return allowed, true
		}
	}
}

func under(pkg string, folders []string) bool {
	for _, f := range folders {
		if pkg == f || strings.HasPrefix(pkg, f+"/") {
			return true
		}
	}
	return false
}
