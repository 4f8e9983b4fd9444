package events

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/reach"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
)

var start = time.Date(2026, 11, 25, 12, 30, 0, 0, time.UTC)

// rig is a service over a real store, with a clock of its own.
type rig struct {
	*Service
	t     *testing.T
	store *store.Store

	mu  sync.Mutex
	now time.Time
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func ring(t *testing.T) *seal.Ring {
	t.Helper()
	k, err := seal.ParseKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	if err != nil {
		t.Fatal(err)
	}
	return seal.New(k)
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, now: start}
	var err error
	if r.store, err = store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "t.db"), r.clock); err != nil {
		t.Fatal(err)
	}
	o := Options{Store: r.store, Sealer: ring(t), Reach: &reach.Policy{}, Now: r.clock, Jitter: func() float64 { return 0 }}
	if err := o.Reach.Add("127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&o)
	}
	client := upstream.New(upstream.Options{Reach: o.Reach})
	o.Client = client
	r.Service = New(o)
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
		client.Close()
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// step does what is to do now, and waits for it.
func (r *rig) step() {
	r.t.Helper()
	for range 2 { // what came of the first attempts may lead to more
		if err := r.Step(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		r.Wait()
	}
}

func (r *rig) hook(address string, types ...core.EventType) (*core.Webhook, string) {
	r.t.Helper()
	w := &core.Webhook{Types: types, Enabled: true}
	secret, err := r.CreateWebhook(r.t.Context(), w, address)
	if err != nil {
		r.t.Fatal(err)
	}
	return w, secret
}

func (r *rig) find(id string) *core.Webhook {
	r.t.Helper()
	w, err := r.store.FindWebhookByID(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

func (r *rig) add(events ...*core.Event) {
	r.t.Helper()
	if _, err := r.store.AddEvents(r.t.Context(), events); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) event() *core.Event {
	return core.NewEvent(core.EventPriceMissing, r.clock(), core.PriceEventData{Deployment: "d", Provider: "p", Model: "m"})
}

// deliveries are all, oldest first.
func (r *rig) deliveries() []*core.Delivery {
	r.t.Helper()
	list, _, err := r.store.ListDeliveries(r.t.Context(), core.DeliveryFilter{Page: core.Page{Limit: 1000}})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// events are the types of all, sorted.
func (r *rig) events() string {
	r.t.Helper()
	list, _, err := r.store.ListEvents(r.t.Context(), core.EventFilter{Page: core.Page{Limit: 1000}})
	if err != nil {
		r.t.Fatal(err)
	}
	var types []string
	for _, e := range list {
		types = append(types, string(e.Type))
	}
	slices.Sort(types)
	return strings.Join(types, " ")
}

// received is a request that a receiver got.
type received struct {
	head http.Header
	body []byte
	id   string
}

// receiver answers what answer says and remembers what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(w http.ResponseWriter)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answer: func(w http.ResponseWriter) { w.WriteHeader(204) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, received{req.Header, body, req.Header.Get("Webhook-Id")})
		answer := r.answer
		r.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int, head ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter) {
		for i := 0; i+1 < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		w.WriteHeader(status)
	}
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func decode(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}
