package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/conformance"
)

// guest is a plugin within the test: its own carrier, code and instance.
type guest struct {
	manifest string
	answer   func(g *guest, f abi.Function, input string) (string, error)
	calls    int // of this instance
	kept     map[string]int
	log      func(level, message string)
}

func (g *guest) Open(_ context.Context, s plugin.Source) (plugin.Code, error) {
	g.log = s.Log
	return g, nil
}
func (g *guest) Has(abi.Function) bool       { return true }
func (g *guest) Stats() plugin.Stats         { return plugin.Stats{} }
func (g *guest) Rest(context.Context) error  { return nil }
func (g *guest) Close(context.Context) error { return nil }

func (g *guest) Start(_ context.Context, s plugin.Setup) (plugin.Plugin, error) {
	if strings.Contains(string(s.Config), "bad") {
		return nil, &plugin.ConfigError{Plugin: "x", Problems: []abi.Problem{{Path: "word", Message: "is bad"}}}
	}
	return &guest{manifest: g.manifest, answer: g.answer, kept: map[string]int{}, log: g.log}, nil
}

func (g *guest) Call(_ context.Context, f abi.Function, input, dst []byte) ([]byte, error) {
	if f == abi.Describe {
		return append(dst, g.manifest...), nil
	}
	g.calls++
	out, err := g.answer(g, f, string(input))
	return append(dst, out...), err
}

func target(t *testing.T, kind, functions string, answer func(*guest, abi.Function, string) (string, error)) conformance.Target {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plugin.wasm")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	capabilities := ""
	if kind == "guardrail" {
		capabilities = `"rewrite":true,"stream":true`
	}
	manifest := fmt.Sprintf(`{"id":"%s.x","version":"1.0.0","kind":"%s","abi":1,"functions":["describe","configure",%s],"config":{},
		"capabilities":{%s}}`, kind, kind, functions, capabilities)
	return conformance.Target{
		Declaration: plugin.Declaration{Source: file},
		Carriers:    map[string]plugin.Carrier{"wasm": &guest{manifest: manifest, answer: answer}},
	}
}

// TestCheck_Finds: each check finds what it is for, and no other is blamed.
func TestCheck_Finds(t *testing.T) {
	say := func(s string) func(*guest, abi.Function, string) (string, error) {
		return func(*guest, abi.Function, string) (string, error) { return s, nil }
	}
	trap := errors.New("wrong memory access")
	for _, c := range []struct {
		name, kind, functions string
		answer                func(*guest, abi.Function, string) (string, error)
		failed                string // the checks with problems
		problem               string
	}{
		{"sound", "guardrail", `"inspect"`, say(`{"verdict":"allow"}`), "", ""},
		{"refusing", "strategy", `"rank"`, func(*guest, abi.Function, string) (string, error) {
			return "", &abi.Error{Code: abi.InvalidRequest, Message: "no"}
		}, "", ""},
		{"no error code", "strategy", `"rank"`, func(*guest, abi.Function, string) (string, error) {
			return "", &abi.Error{Message: "no"}
		}, "limits hostile", "an error needs a code"},
		{"unknown verdict", "guardrail", `"inspect"`, say(`{"verdict":"perhaps"}`), "contract", `"perhaps" is not a verdict`},
		{"not JSON", "guardrail", `"inspect"`, say(`allow`), "contract limits hostile", "unexpected character"},
		{"order of text", "strategy", `"rank"`, say(`{"order":["a"]}`), "contract limits hostile", "order[0]: expected an integer"},
		{"remembers", "guardrail", `"inspect"`, func(g *guest, _ abi.Function, _ string) (string, error) {
			return fmt.Sprintf(`{"verdict":"allow","state":%d}`, g.calls), nil
		}, "purity", `"state"`},
		{"keeps a stream in the instance", "provider", `"plan","decode_events"`, func(g *guest, f abi.Function, input string) (string, error) {
			if f != abi.DecodeEvents {
				return `{"supported":true,"url":"https://base.example:8443/","stream":{"mode":"transform"}}`, nil
			}
			if !strings.Contains(input, `"state":"mine"`) { // a new stream, so that it looks pure call by call
				delete(g.kept, "mine")
				return `{"chunks":[{"n":0}],"state":"mine"}`, nil
			}
			g.kept["mine"]++
			return fmt.Sprintf(`{"chunks":[{"n":%d}],"state":"mine"}`, g.kept["mine"]), nil
		}, "contract purity", "two in turn"},
		{"an own API that leads elsewhere", "provider", `"plan"`, func(_ *guest, _ abi.Function, input string) (string, error) {
			if !strings.Contains(input, `"endpoint":"native"`) {
				return `{"supported":false,"reason":"no"}`, nil
			}
			return `{"supported":true,"native":{"routes":[{"path":"/v1/go","model":"model","url":"https://elsewhere.example/v1/go"}]}}`, nil
		}, "contract", "plan for native of the deployment other"},
		{"an own API that names no model", "provider", `"plan"`, func(_ *guest, _ abi.Function, input string) (string, error) {
			if !strings.Contains(input, `"endpoint":"native"`) {
				return `{"supported":false,"reason":"no"}`, nil
			}
			return `{"supported":true,"native":{"routes":[{"path":"/v1/files","url":"https://base.example:8443/v1/files"}]}}`, nil
		}, "contract", "the model's name stands either in the path or in a member"},
		{"quotes prompts in its log", "guardrail", `"inspect"`, func(g *guest, _ abi.Function, input string) (string, error) {
			g.log("info", "asked about "+input)
			return `{"verdict":"allow"}`, nil
		}, "log", "The heron"},
		{"logs without quoting", "guardrail", `"inspect"`, func(g *guest, _ abi.Function, input string) (string, error) {
			g.log("info", fmt.Sprintf("asked about %d bytes", len(input)))
			return `{"verdict":"allow"}`, nil
		}, "", ""},
		{"traps on what it does not expect", "guardrail", `"inspect"`, func(_ *guest, _ abi.Function, input string) (string, error) {
			if !strings.HasPrefix(input, `{"stage":"`) && input != "" && input != " " && input[0] == '{' {
				return "", &plugin.Fault{Kind: plugin.FaultTrap, Err: trap, Stderr: "panic: out of cheese"}
			}
			return `{"verdict":"allow"}`, nil
		}, "hostile", "out of cheese"},
		{"traps without input", "guardrail", `"inspect"`, func(_ *guest, _ abi.Function, input string) (string, error) {
			if input == " " {
				return "", &plugin.Fault{Kind: plugin.FaultTrap, Err: trap}
			}
			return `{"verdict":"allow"}`, nil
		}, "limits", "wrong memory access"},
		{"supports nothing", "provider", `"plan"`, say(`{"supported":false}`), "contract", "no plan supports an endpoint"},
		{"leads elsewhere", "provider", `"plan"`, say(`{"supported":true,"url":"https://evil.example/"}`), "contract", "another host"},
		{"wants what it lacks", "provider", `"plan"`, say(`{"supported":true,"local":true,"request":{"mode":"transform"}}`), "contract", "wants encode"},
		{"lacks a function", "provider", `"encode"`, say(`{}`), "load", "no function plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := conformance.Check(t.Context(), target(t, c.kind, c.functions, c.answer))
			var failed, problems []string
			for _, r := range report.Checks {
				if len(r.Problems) > 0 {
					failed = append(failed, r.Name)
				}
				if len(r.Problems) > 21 {
					t.Errorf("%s tells %d problems", r.Name, len(r.Problems))
				}
				problems = append(problems, r.Problems...)
			}
			if strings.Join(failed, " ") != c.failed || report.Passed != (c.failed == "") {
				t.Errorf("failed %v, want %q: %q", failed, c.failed, problems)
			}
			if !slices.ContainsFunc(append(problems, ""), func(p string) bool { return strings.Contains(p, c.problem) }) {
				t.Errorf("%q does not name %q", problems, c.problem)
			}
		})
	}
}

// TestCheck_Remarks: an author is told what an Extism guest costs where it is called often.
func TestCheck_Remarks(t *testing.T) {
	for _, c := range []struct {
		kind, functions, carrier string
		remarks                  int
	}{
		{"guardrail", `"inspect"`, "extism", 1},
		{"provider", `"plan","decode_events"`, "extism", 1},
		{"provider", `"plan","decode"`, "extism", 0},
		{"strategy", `"rank"`, "extism", 0},
		{"guardrail", `"inspect"`, "wasm", 0},
	} {
		to := target(t, c.kind, c.functions, func(*guest, abi.Function, string) (string, error) {
			return "", &abi.Error{Code: abi.InvalidRequest, Message: "no"}
		})
		to.Carriers["extism"], to.Declaration.Carrier = to.Carriers["wasm"], c.carrier
		report := conformance.Check(t.Context(), to)
		var text strings.Builder
		report.Write(&text)
		if len(report.Remarks) != c.remarks || strings.Count(text.String(), "note: ") != c.remarks {
			t.Errorf("%s %s on %s: %q\n%s", c.kind, c.functions, c.carrier, report.Remarks, &text)
		}
	}
}

// TestCheck_Same: two runs make the same calls.
func TestCheck_Same(t *testing.T) {
	var runs [2][]string
	for i := range runs {
		conformance.Check(t.Context(), target(t, "guardrail", `"inspect"`, func(_ *guest, _ abi.Function, input string) (string, error) {
			runs[i] = append(runs[i], input)
			return `{"verdict":"allow"}`, nil
		}))
	}
	if len(runs[0]) < 500 || !slices.Equal(runs[0], runs[1]) {
		t.Errorf("%d calls, then %d", len(runs[0]), len(runs[1]))
	}
}

func TestVectors(t *testing.T) {
	echo := func(_ *guest, _ abi.Function, input string) (string, error) {
		if strings.Contains(input, "refuse") {
			return "", &abi.Error{Code: abi.InvalidRequest, Message: "no"}
		}
		return `{"verdict":"allow","state":` + input + `}`, nil
	}
	for _, c := range []struct{ name, vector, problem string }{
		{"passes", "-- inspect.in.json --\n{\"a\": 1.0}\n-- inspect.out.json --\n{\"verdict\": \"allow\",\n \"state\": {\"a\": 1.0}}\n" +
			"-- inspect.2.in.json --\n{\"refuse\":1}\n-- inspect.2.error.json --\n{\"code\":\"invalid_request\",\"message\":\"no\"}\n", ""},
		{"other digits", "-- inspect.in.json --\n{\"a\": 1.0}\n-- inspect.out.json --\n{\"verdict\":\"allow\",\"state\":{\"a\":1}}\n", `got: {"verdict":"allow","state":{"a":1.0}}`},
		{"an error instead", "-- inspect.in.json --\n{\"refuse\":1}\n-- inspect.out.json --\n{}\n", "nothing came for the section inspect.out.json"},
		{"nothing expected", "-- inspect.in.json --\n{}\n", "inspect.out.json"},
		{"misspelt section", "-- inspect.in --\n{}\n", "it holds no calls"},
		{"another section", "-- inspect.in.json --\n{}\n-- inspect.out.json --\n{\"verdict\":\"allow\",\"state\":{}}\n-- notes --\nx\n", "nothing came for the section notes"},
		{"bad configuration", "-- config.json --\n{\"bad\":1}\n-- inspect.in.json --\n{}\n", "word: is bad"},
		{"no vectors", "", "no .txtar files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			vectors := t.TempDir()
			file := filepath.Join(vectors, "v.txtar")
			if c.vector != "" {
				if err := os.WriteFile(file, []byte(c.vector), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to := target(t, "guardrail", `"inspect"`, echo)
			to.Vectors = vectors
			report := conformance.Check(t.Context(), to)
			got := strings.Join(report.Checks[len(report.Checks)-1].Problems, "\n")
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("got %s, want %s", got, c.problem)
			}
			if c.vector == "" || c.name == "bad configuration" || c.name == "misspelt section" {
				return
			}
			to.Update = true
			if report := conformance.Check(t.Context(), to); !report.Passed {
				t.Errorf("update: %+v", report.Checks[len(report.Checks)-1])
			}
			to.Update = false
			if report := conformance.Check(t.Context(), to); !report.Passed {
				t.Errorf("after the update: %+v", report.Checks[len(report.Checks)-1])
			}
		})
	}
}

// TestVectors_Exchange: a vector of a whole exchange finds what came out
// otherwise, what should not be there and what is missing; an update mends it.
func TestVectors_Exchange(t *testing.T) {
	provider := func(_ *guest, f abi.Function, input string) (string, error) {
		switch {
		case strings.Contains(input, "refuse"):
			return "", &abi.Error{Code: abi.InvalidRequest, Message: "no"}
		case strings.Contains(input, "trap"):
			return "", &plugin.Fault{Kind: plugin.FaultTrap, Err: errors.New("wrong memory access")}
		case f == abi.Encode:
			return `{"body":{"n": 1.0}}`, nil
		case f == abi.Decode:
			return `{"body":{"a":1},"usage":{"output":3}}`, nil
		case f == abi.DecodeError:
			return `{"error":{"code":"rate_limited","message":"slowly"}}`, nil
		case f == abi.DecodeEvents && strings.Contains(input, "odd"):
			return `{"chunks":[{"choices":[]}],"done":true}`, nil // one for each call, whatever is in it
		case f == abi.DecodeEvents:
			return `{"done":true,"model":"served"}`, nil
		}
		return `{"supported":true,"url":"https://base.example:8443/"}`, nil
	}
	const setup, request = "-- setup.json --\n{}\n", "-- request.json --\n{}\n-- vendor_request.json --\n{\"n\":1.0}\n"
	const answer = "-- vendor_answer.json --\n{}\n"
	const usage = "-- usage.json --\n{\"output\":3}\n"
	cases := []struct {
		name, vector, problem string
		stands                bool // an update does not mend it
	}{
		{"passes", setup + request + answer + "-- answer.json --\n{\"a\": 1}\n" + usage, "", false},
		{"other digits", setup + "-- request.json --\n{}\n-- vendor_request.json --\n{\"n\":1}\n", "vendor_request.json\n got: {\n  \"n\": 1.0\n}", false},
		{"another answer", setup + answer + "-- answer.json --\n{\"a\":2}\n" + usage, "answer.json", false},
		{"usage too much", setup + answer + "-- answer.json --\n{\"a\":1}\n", "usage.json is not in the vector", false},
		{"a model that never came", setup + answer + "-- answer.json --\n{\"a\":1}\n" + usage + "-- model.txt --\nm\n", "nothing came for model.txt", false},
		{"a refusal", setup + "-- request.json --\n\"refuse\"\n-- error.json --\n{\"code\":\"invalid_request\",\"message\":\"no\"}\n", "", false},
		{"an error of the vendor", "-- setup.json --\n{\"status\":429}\n" + answer + "-- error.json --\n{\"error\":{\"code\":\"rate_limited\",\"message\":\"slowly\"}}\n", "", false},
		{"a stream", setup + "-- vendor_events.jsonl --\n{\"data\":1}\n{\"data\":2}\n-- model.txt --\nserved\n", "", false},
		{"a stream by its grouping", setup + "-- vendor_events.jsonl --\n{\"data\":\"odd\"}\n{\"data\":\"odd\"}\n", "events cut at [2] mean something else", true},
		{"a trap", setup + "-- request.json --\n\"trap\"\n", "wrong memory access", true},
		{"an unknown setting", "-- setup.json --\n{\"sttus\":1}\n", "sttus", true},
		{"an event that is none", setup + "-- vendor_events.jsonl --\nx\n", "vendor_events.jsonl", true},
	}
	to := target(t, "provider", `"plan","encode","decode","decode_events","decode_error"`, provider)
	to.Vectors = t.TempDir()
	for i, c := range cases {
		if err := os.WriteFile(filepath.Join(to.Vectors, fmt.Sprintf("%02d.txtar", i)), []byte(c.vector), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// judge plays all vectors and returns the problems of each.
	judge := func() []string {
		report := conformance.Check(t.Context(), to)
		r := report.Checks[len(report.Checks)-1]
		if r.Name != "vectors" || len(r.Problems) > 20 {
			t.Fatalf("the last check is %+v", r)
		}
		problems := make([]string, len(cases))
		for i := range cases {
			for _, p := range r.Problems {
				if strings.HasPrefix(p, fmt.Sprintf("%02d.txtar: ", i)) {
					problems[i] += p + "\n"
				}
			}
		}
		return problems
	}
	for i, got := range judge() {
		if c := cases[i]; (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.problem)
		}
	}
	to.Update = true
	judge()
	to.Update = false
	for i, got := range judge() {
		if c := cases[i]; (got != "") != c.stands {
			t.Errorf("%s: after the update: %s", c.name, got)
		}
	}
}
