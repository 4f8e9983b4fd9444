package adminapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/events"
)

// receiver answers with a status and remembers what it got last. Several deliveries
// may arrive at the same time.
type receiver struct {
	*httptest.Server
	status atomic.Int64
	last   atomic.Value // string
}

func newReceiver(t *testing.T) *receiver {
	r := new(receiver)
	r.status.Store(204)
	r.last.Store("")
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.last.Store(req.Header.Get("Webhook-Id") + " " + string(body))
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() string { return r.last.Load().(string) }

func (w *world) deliver() {
	w.t.Helper()
	if err := w.events.Step(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.events.Wait()
}

func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	w.deliver() // of what was before the webhook
	to := newReceiver(t)
	var made, got webhookView
	w.want(201, "POST", "/webhooks", `{"url": "`+to.URL+`/hook?token=MARK6", "types": ["key.created"], "description": "d"}`, &made)
	if !strings.HasPrefix(made.Secret, "whsec_") || made.URL != to.URL+"/hook?token=***" || !made.Enabled || made.OrganizationID != "" {
		t.Errorf("made %+v", made)
	}
	path := "/webhooks/" + made.ID
	w.want(200, "GET", path, "", &got)
	if got.Secret != "" || got.Description != "d" || len(got.Types) != 1 {
		t.Errorf("got %+v", got)
	}
	var key struct{ ID string }
	w.want(201, "POST", "/keys", `{"name": "new", "all_models": true}`, &key)
	w.deliver()
	last := to.got()
	if strings.Count(w.log.String(), "delivery") > 0 || !strings.Contains(last, `"type":"key.created"`) || !strings.Contains(last, key.ID) || strings.Contains(last, "sk-") && !strings.Contains(last, `"prefix":"sk-`) {
		t.Errorf("got %s", last)
	}
	var found struct{ Data []core.Event }
	w.want(200, "GET", "/events?type=key.created", "", &found)
	id, _, _ := strings.Cut(last, " ")
	if len(found.Data) != 3 || !slices.ContainsFunc(found.Data, func(e core.Event) bool { return e.ID == id && e.KeyID == key.ID }) {
		t.Errorf("got %+v", found)
	}
	w.want(200, "GET", "/events/"+id, "", nil)

	var deliveries struct{ Data []core.Delivery }
	w.want(200, "GET", path+"/deliveries?state=delivered", "", &deliveries)
	if len(deliveries.Data) != 1 || deliveries.Data[0].EventID != id || deliveries.Data[0].LastStatus != 204 {
		t.Errorf("got %+v", deliveries)
	}
	to.last.Store("")
	w.want(200, "POST", "/events/"+id+"/replay", `{"webhook_id": "`+made.ID+`"}`, &deliveries)
	w.want(200, "POST", "/events/"+id+"/replay", "", &deliveries)
	w.deliver()
	if last = to.got(); !strings.HasPrefix(last, id) || len(deliveries.Data) != 1 {
		t.Errorf("replayed %q, %+v", last, deliveries)
	}

	var test events.WebhookTest
	w.want(200, "POST", path+"/test", "", &test)
	if last = to.got(); !test.OK || test.Status != 204 || !strings.Contains(last, `"type":"webhook.test"`) {
		t.Errorf("got %+v, %s", test, last)
	}
	to.status.Store(500)
	w.want(200, "POST", path+"/test", "", &test)
	if test.OK || test.Status != 500 || test.Error == "" {
		t.Errorf("got %+v", test)
	}
	w.want(200, "POST", path+"/rotate", `{"grace": "1h"}`, &got)
	if got.Secret == made.Secret || !strings.HasPrefix(got.Secret, "whsec_") {
		t.Errorf("got %+v", got)
	}
	w.want(200, "PATCH", path, `{"enabled": false, "types": ["*"], "url": "`+to.URL+`/other?t=MARK6"}`, &got)
	if got.Enabled || got.Types[0] != core.AllEvents || got.URL != to.URL+"/other?t=***" {
		t.Errorf("got %+v", got)
	}
	w.want(409, "POST", "/events/"+id+"/replay", `{"webhook_id": "`+made.ID+`"}`, nil)
	w.want(200, "GET", "/webhooks?enabled=true", "", &found)
	if len(found.Data) != 0 {
		t.Errorf("got %+v", found)
	}
	w.want(204, "DELETE", path, "", nil)
	w.want(404, "GET", path, "", nil)

	var audit struct{ Data []core.AuditRecord }
	w.want(200, "GET", "/audit?object_id="+made.ID, "", &audit)
	var actions []string
	for _, r := range audit.Data {
		actions = append(actions, r.Action)
	}
	if got := strings.Join(actions, " "); got != "webhook.delete webhook.update webhook.rotate webhook.test webhook.test webhook.create" {
		t.Errorf("audit: %s", got)
	}
	for _, a := range append(w.answers, w.log.String()) {
		if strings.Contains(a, "MARK6") || strings.Count(a, "whsec_") > 1 || strings.Contains(a, `"data":`) && strings.Contains(a, "whsec_") {
			t.Errorf("a secret is shown: %s", a)
		}
	}
}

func TestWebhooks_Refused(t *testing.T) {
	w := newWorld(t)
	for body, param := range map[string]string{
		`{}`:                           "url",
		`{"url": "ftp://example.com"}`: "url",
		`{"url": "https://user:MARK6@example.com"}`:                     "url",
		`{"url": "https://example.com/?t=***"}`:                         "url",
		`{"url": "https://example.com", "types": ["x.y"]}`:              "types",
		`{"url": "https://example.com", "types": ["*", "key.created"]}`: "types",
		`{"url": "https://example.com", "organization_id": "org_none"}`: "organization_id",
		`{"url": "https://example.com", "secret": "x"}`:                 "secret",
	} {
		if p := w.problemOf(400, "POST", "/webhooks", body); p.Param != param || strings.Contains(p.Detail, "MARK6") {
			t.Errorf("%s: %+v", body, p)
		}
	}
	w.want(404, "GET", "/webhooks/whk_none", "", nil)
	w.want(404, "GET", "/events/evt_none", "", nil)
	w.want(404, "POST", "/events/evt_none/replay", "", nil)
	if p := w.problemOf(400, "GET", "/events?from=never", ""); p.Param != "from" {
		t.Errorf("%+v", p)
	}
}
