package carriertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/plugin/carriertest/guest"
	"github.com/tokligence/gateway/core/plugin/guestlog"
	"github.com/tokligence/gateway/pdk/abi"
)

func (h *Host) conformance(t *testing.T) {
	var log lines
	code := h.open(t, h.Carrier, limits(patient), log.add)
	for _, c := range []struct {
		name string
		test func(t *testing.T, code plugin.Code)
	}{
		{"Describe", describe},
		{"Configure", configure},
		{"Payloads", payloads},
		{"Refusals", refusals},
		{"TwoConfigurations", twoConfigurations},
		{"ClockAndChance", clockAndChance},
		{"StreamAcrossInstances", streamAcrossInstances},
		{"Parallel", parallel},
		{"CallerLeaves", callerLeaves},
		{"Breaker", breaker},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, code) })
	}
	t.Run("Log", func(t *testing.T) { logs(t, start(t, code, `{}`), &log) })
	t.Run("TwoCallersAtOnce", h.twoCallersAtOnce)
}

func describe(t *testing.T, code plugin.Code) {
	out, err := start(t, code, "").Call(t.Context(), abi.Describe, nil, nil)
	var m abi.Manifest
	if err := errors.Join(err, json.Unmarshal(out, &m)); err != nil || !reflect.DeepEqual(m, guest.Manifest) {
		t.Errorf("%s, %v", out, err)
	}
	for _, f := range guest.Manifest.Functions {
		if !code.Has(f) {
			t.Errorf("it has no %s", f)
		}
	}
	if code.Has("dance") {
		t.Error("it dances")
	}
}

func configure(t *testing.T, code plugin.Code) {
	_, err := code.Start(t.Context(), plugin.Setup{Config: []byte(`{"word":"bad"}`)})
	var e *plugin.ConfigError
	if !errors.As(err, &e) || e.Plugin != guest.Manifest.ID || len(e.Problems) != 1 || e.Problems[0] != (abi.Problem{Path: "word", Message: "is bad"}) {
		t.Errorf("error %v", err)
	}
	for script, kind := range map[string]plugin.FaultKind{"say no": plugin.FaultOutput, "panic": plugin.FaultTrap, "exit 3": plugin.FaultExit} {
		_, err := code.Start(t.Context(), plugin.Setup{Config: []byte(`{"do":"do:` + script + `"}`)})
		if f := faultOf(t, err, kind); f.Function != abi.Configure {
			t.Errorf("%s: a fault of %s", script, f.Function)
		}
	}
	_, err = code.Start(t.Context(), plugin.Setup{Config: []byte(`{"do":"do:refuse"}`)})
	var refusal *abi.Error
	if !errors.As(err, &refusal) || refusal.Code != abi.InvalidRequest {
		t.Errorf("a refusal became %v", err)
	}
}

func payloads(t *testing.T, code plugin.Code) {
	p := start(t, code, `{}`)
	for _, n := range []int{0, 1, 100 << 10, 4 << 20} {
		in := bytes.Repeat([]byte("\x00\xff any bytes \n"), n/14+1)[:n]
		out, err := p.Call(t.Context(), abi.Decode, in, []byte("kept"))
		if err != nil || !bytes.Equal(out, append([]byte("kept"), in...)) {
			t.Errorf("%d bytes: %d came back, %v", n, len(out)-len("kept"), err)
		}
	}
	if s := p.Stats(); s.Calls != 4 || s.Faults != 0 {
		t.Errorf("stats %+v", s)
	}
}

// refusals: a guest's own error leaves its instance in use.
func refusals(t *testing.T, code plugin.Code) {
	p := start(t, code, `{}`)
	for script, want := range map[string]abi.Error{
		"refuse": {Code: abi.InvalidRequest, Message: "no \uFFFD", Param: "messages"},
		"fail":   {Code: abi.PluginFailed, Message: "plain words"},
		"dance":  {Code: abi.PluginFailed, Message: `there is no verb "dance"`},
	} {
		out, err := p.Call(t.Context(), abi.Inspect, []byte(guest.Prefix+script), []byte("kept"))
		var e *abi.Error
		if !errors.As(err, &e) || *e != want || string(out) != "kept" {
			t.Errorf("%s: %v with %q, want %v", script, err, out, &want)
		}
	}
	if out := mustDo(t, p, "say hello"); out != "hello" {
		t.Errorf("next call: %q", out)
	}
	if s := p.Stats(); s.Faults != 0 || s.Discarded != 0 || s.Instances != 1 {
		t.Errorf("stats %+v", s)
	}
}

// twoConfigurations of one opened file do not see each other, whoever is asked first.
func twoConfigurations(t *testing.T, code plugin.Code) {
	plugins := map[string]plugin.Plugin{"one": start(t, code, `{"word":"one"}`), "two": start(t, code, `{"word":"two"}`), "": start(t, code, `{}`)}
	for range 3 {
		for word, p := range plugins {
			if got := mustDo(t, p, "word"); got != word {
				t.Errorf("configured with %q, it says %q", word, got)
			}
		}
	}
}

// clockAndChance: without true ones the collector of a Go guest stalls, and all
// instances draw the same.
func clockAndChance(t *testing.T, code plugin.Code) {
	one, two := start(t, code, `{}`), start(t, code, `{}`)
	if year, _ := strconv.Atoi(mustDo(t, one, "year")); year < 2025 {
		t.Errorf("the year is %d", year)
	}
	if a, b := mustDo(t, one, "random"), mustDo(t, two, "random"); a == b {
		t.Errorf("two instances drew the same: %s", a)
	}
}

// streamAcrossInstances: a stream's state is all that its next events need.
func streamAcrossInstances(t *testing.T, code plugin.Code) {
	instances := []plugin.Plugin{start(t, code, `{}`), start(t, code, `{}`)}
	state, chunks := "0", []string(nil)
	for i := range 6 {
		r := abi.DecodeEventsRequest{State: state, Events: []abi.Event{{Data: []byte(fmt.Sprint(i))}}, End: i == 5}
		in, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out, err := instances[i%2].Call(t.Context(), abi.DecodeEvents, in, nil)
		var reply abi.DecodeEventsReply
		if err := errors.Join(err, json.Unmarshal(out, &reply)); err != nil {
			t.Fatal(err)
		}
		if state = reply.State; reply.Done != r.End {
			t.Errorf("done %v at event %d", reply.Done, i)
		}
		for _, c := range reply.Chunks {
			chunks = append(chunks, string(c))
		}
	}
	for i, c := range chunks {
		if want := fmt.Sprintf(`{"choices":[],"n":%d,"data":%d}`, i+1, i); c != want {
			t.Errorf("chunk %s, want %s", c, want)
		}
	}
	if state != "6" || len(chunks) != 6 {
		t.Errorf("state %s, %d chunks", state, len(chunks))
	}
}

// parallel: no two callers share an instance, also when others are stopped.
func parallel(t *testing.T, code plugin.Code) {
	const callers, calls = 8, 25
	p := start(t, code, `{}`)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range calls {
				want := strings.Repeat(fmt.Sprintf("caller %d, call %d;", caller, i), 1+i)
				if out, err := p.Call(t.Context(), abi.Decode, []byte(want), nil); err != nil || string(out) != want {
					t.Errorf("%q, %v; want %q", out, err, want)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if out, err := do(ctx, p, "loop"); err == nil {
				t.Errorf("a loop answered %q", out)
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Faults != 0 || s.Instances > 2 {
		t.Errorf("stats %+v", s)
	}
}

// callerLeaves: that is no fault of the plugin, whose next call works.
func callerLeaves(t *testing.T, code plugin.Code) {
	p := start(t, code, `{}`)
	for _, script := range []string{"loop", "sleep"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := do(ctx, p, script)
		cancel()
		faultOf(t, err, plugin.FaultCanceled)
	}
	if out := mustDo(t, p, "say hello"); out != "hello" {
		t.Errorf("next call: %q", out)
	}
	if s := p.Stats(); s.Faults != 0 || s.BreakerOpen {
		t.Errorf("the caller's leaving counts as the plugin's fault: %+v", s)
	}
}

// breaker: a plugin that fails again and again is left alone, and tried again
// after a pause.
func breaker(t *testing.T, code plugin.Code) {
	p := start(t, code, `{}`)
	for range 5 {
		_, err := do(t.Context(), p, "exit 3")
		faultOf(t, err, plugin.FaultExit)
	}
	_, err := do(t.Context(), p, "say hello")
	faultOf(t, err, plugin.FaultBreaker)
	if s := p.Stats(); !s.BreakerOpen || s.Instances != 0 || s.Faults != 5 || s.Calls != 5 || !strings.Contains(s.LastFault, "exit") {
		t.Errorf("stats %+v", s)
	}
	for ; isFault(err, plugin.FaultBreaker); time.Sleep(10 * time.Millisecond) {
		_, err = do(t.Context(), p, "say hello")
	}
	if s := p.Stats(); err != nil || s.BreakerOpen {
		t.Errorf("after the pause: %v; stats %+v", err, s)
	}
}

// logs: the log has some lines of each call and is told how many were left out.
func logs(t *testing.T, p plugin.Plugin, log *lines) {
	before := len(log.take())
	mustDo(t, p, "log 1000")
	log.settle(before + guestlog.LinesPerCall)
	var list []string
	told := false
	for tries := 0; !told && tries < 10_000; tries++ { // a process's words come beside its answers
		mustDo(t, p, "say nothing")
		list = log.take()[before:]
		told = len(list) > 0 && strings.HasSuffix(list[len(list)-1], " lines were left out")
	}
	if !told {
		t.Error("the log is not told how many lines were left out")
	}
	n := 0
	for _, l := range list {
		if l == "warn beware" {
			n++
		} else if !strings.HasSuffix(l, " lines were left out") || !strings.HasPrefix(l, "warn ") {
			t.Errorf("log %q", l)
		}
	}
	if n < guestlog.LinesPerCall || n > 500 {
		t.Errorf("%d lines of 1000 in the log", n)
	}
}

// twoCallersAtOnce: with room for two, two are served at once and the third
// when one of them is done; the fourth leaves.
func (h *Host) twoCallersAtOnce(t *testing.T) {
	held := h.holding(t)
	defer held.release()
	p := start(t, h.open(t, h.Carrier, limits(patient), held.log), `{}`)
	results := make(chan string, 3)
	call := func(script string) {
		out, err := do(t.Context(), p, script)
		results <- fmt.Sprint(out, err)
	}
	for range 2 {
		go call("hold " + held.file)
		<-held.entered
	}
	go call("say third")
	waiting(p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := do(ctx, p, "say fourth")
		left <- err
	}()
	waiting(p, 2)
	cancel()
	faultOf(t, <-left, plugin.FaultCanceled)
	held.release()
	got := map[string]int{}
	for range 3 {
		got[<-results]++
	}
	if got["held<nil>"] != 2 || got["third<nil>"] != 1 {
		t.Errorf("answers %v", got)
	}
	if s := p.Stats(); s.Instances != 2 || s.Waits != 2 || s.Calls != 3 || s.Faults != 0 {
		t.Errorf("stats %+v", s)
	}
}

// waiting returns when so many callers have found no free instance.
func waiting(p plugin.Plugin, n uint64) {
	for p.Stats().Waits < n {
		time.Sleep(time.Millisecond)
	}
}

// holds keeps guests that hold within their calls.
type holds struct {
	entered chan struct{} // one for each guest that has begun
	file    string        // for which a process waits
	log     func(level, message string)
	release func() // lets all go
}

func (h *Host) holding(t *testing.T) *holds {
	leave := make(chan struct{})
	s := &holds{entered: make(chan struct{}, 8), file: filepath.Join(t.TempDir(), "go")}
	s.log = func(_, message string) {
		if message != "holding" {
			return
		}
		s.entered <- struct{}{}
		if h.Name != Process {
			<-leave
		}
	}
	s.release = sync.OnceFunc(func() {
		close(leave)
		if err := os.WriteFile(s.file, nil, 0o600); err != nil {
			t.Error(err)
		}
	})
	return s
}
