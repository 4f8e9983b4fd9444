package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

// vendor is an upstream that speaks OpenAI's chat, whole and streamed. The
// request's "user" tells requests apart; the usage that it reports follows from it.
type vendor struct {
	url string

	mu    sync.Mutex
	seen  map[string]int    // user → requests
	auth  map[string]string // user → the credential that came with it
	pause func(user, stage string)
}

// The stages at which pause is called: with the request read, and for streams
// behind the first piece of text.
const (
	arrived = "arrived"
	within  = "within"
)

func newVendor(t *testing.T) *vendor {
	v := &vendor{seen: map[string]int{}, auth: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(v.serve))
	v.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return v
}

// at sets what happens at each stage of each request.
func (v *vendor) at(pause func(user, stage string)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pause = pause
}

// hold stops n requests at the stage: those whose user begins with prefix.
// reached waits until all stand there; release lets them go on.
func (v *vendor) hold(t *testing.T, n int, prefix, stage string) (reached, release func()) {
	here, free := make(chan struct{}, n), make(chan struct{})
	release = sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	v.at(func(user, s string) {
		if s == stage && strings.HasPrefix(user, prefix) {
			select {
			case here <- struct{}{}:
			default: // more than were expected
			}
			<-free
		}
	})
	return func() {
		t.Helper()
		late := time.After(patience)
		for i := range n {
			select {
			case <-here:
			case <-late:
				t.Fatalf("%d of %d requests reached the vendor", i, n)
			}
		}
	}, release
}

// requests counts those whose user begins with prefix.
func (v *vendor) requests(prefix string) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for user, times := range v.seen {
		if strings.HasPrefix(user, prefix) {
			n += times
		}
	}
	return n
}

// users copies what was seen.
func (v *vendor) users() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := make(map[string]int, len(v.seen))
	for user, n := range v.seen {
		seen[user] = n
	}
	return seen
}

func (v *vendor) credential(user string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.auth[user]
}

// tokens is the usage of a user's request: never more than what the gateway
// expects of the tests' prompt and output cap.
func tokens(user string) (in, out int64) {
	h := fnv.New32a()
	h.Write([]byte(user))
	n := int64(h.Sum32() % 1000)
	return 1 + n%7, 1 + n%maxTokens
}

// price is what tokens cost at a dollar a million tokens in and two out.
func price(user string) core.Nano {
	in, out := tokens(user)
	return core.Nano(in*1000 + out*2000)
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User, Model string
		Stream      bool
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &in) != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	if in.Model == "embed-model" {
		embeddings(w, r)
		return
	}
	v.mu.Lock()
	v.seen[in.User]++
	v.auth[in.User] = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	pause := v.pause
	v.mu.Unlock()
	if pause == nil {
		pause = func(string, string) {}
	}
	pause(in.User, arrived)
	input, output := tokens(in.User)
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, input, output, input+output)
	if !in.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"x","object":"chat.completion","created":1,"model":"vendor-model","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":%s}`, usage)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(format string, args ...any) {
		fmt.Fprintf(w, `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"vendor-model",`+format+"}\n\n", args...)
		w.(http.Flusher).Flush()
	}
	chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"}}]`)
	pause(in.User, within)
	chunk(`"choices":[{"index":0,"delta":{"content":" there"}}]`)
	chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`)
	chunk(`"choices":[],"usage":%s`, usage)
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// embeddings is a model that does not chat.
func embeddings(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if !strings.HasSuffix(r.URL.Path, "/embeddings") {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"message":"This is not a chat model","type":"invalid_request_error","param":"model","code":null}}`)
		return
	}
	fmt.Fprint(w, `{"object":"list","model":"embed-model","data":[{"object":"embedding","index":0,"embedding":[1,0,-1]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`)
}

// maxTokens is the output cap of the tests' requests.
const maxTokens = 40

// prompt is long enough for every input that tokens tells of.
const prompt = "Say something kind about the weather, and do not forget the sea."

// answer is what came of a client's request.
type answer struct {
	user   string
	status int // 0: the connection failed
	head   http.Header
	body   string
	whole  bool // nothing of it is missing
}

func (a *answer) exchange() string { return a.head.Get("X-Tokligence-Exchange-Id") }

// ask sends a chat request as the key's owner.
func (g *gateway) ask(secret, model, user string, stream bool) answer {
	return g.askThen(secret, model, user, stream, nil)
}

// later is ask beside what the test does; begun closes when the answer's head has come.
func (g *gateway) later(secret, model, user string, stream bool) (a <-chan answer, begun <-chan struct{}) {
	c, head := make(chan answer, 1), make(chan struct{})
	go func() { c <- g.askThen(secret, model, user, stream, func() { close(head) }) }()
	return c, head
}

// underWay asks for a whole answer, which the vendor holds before it begins, and
// for a stream, which it holds within. release lets both go on.
func (g *gateway) underWay(v *vendor, secret, prefix string) (whole, stream <-chan answer, release func()) {
	g.t.Helper()
	reached, releaseWhole := v.hold(g.t, 1, prefix+"whole", arrived)
	whole, _ = g.later(secret, "m", prefix+"whole", false)
	reached()
	reached, releaseStream := v.hold(g.t, 1, prefix+"stream", within)
	stream, begun := g.later(secret, "m", prefix+"stream", true)
	reached()
	<-begun
	return whole, stream, func() {
		releaseWhole()
		releaseStream()
	}
}

// askThen is ask; begun is called when the head of the answer has come.
func (g *gateway) askThen(secret, model, user string, stream bool, begun func()) answer {
	a := answer{user: user}
	body := fmt.Sprintf(`{"model":%q,"user":%q,"stream":%t,"max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, model, user, stream, maxTokens, prompt)
	req, err := http.NewRequest("POST", g.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return a
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := g.client.Do(req)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	a.status, a.head = resp.StatusCode, resp.Header
	if begun != nil {
		begun()
	}
	raw, err := io.ReadAll(resp.Body)
	a.body = string(raw)
	a.whole = err == nil && a.status == http.StatusOK && (!stream || strings.HasSuffix(a.body, "data: [DONE]\n\n")) && !strings.Contains(a.body, `"error"`)
	return a
}

// complete holds that each request that reached the vendor is in the ledger
// once, at its price, and nothing else was charged.
func (g *gateway) complete(v *vendor) {
	g.t.Helper()
	paid := map[string]int{}
	for _, e := range g.entries() {
		switch {
		case (e.Outcome == core.OutcomeOK || e.ErrorCode == core.CodeOverloaded) && e.Amount == price(e.EndUser):
			paid[e.EndUser]++
		case e.Amount != 0 || e.Outcome == core.OutcomeOK:
			g.t.Errorf("entry %+v", e)
		}
	}
	for user, n := range v.users() {
		if n != 1 || paid[user] != 1 {
			g.t.Errorf("%s reached the vendor %d times and has %d entries", user, n, paid[user])
		}
		delete(paid, user)
	}
	if len(paid) > 0 {
		g.t.Errorf("paid without the vendor: %v", paid)
	}
}

// unavailable wants a clear refusal that tells when to come again.
func unavailable(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusServiceUnavailable || a.head.Get("Retry-After") == "" || !strings.Contains(a.body, `"code":"overloaded"`) || strings.Contains(a.body, "disk") {
		t.Errorf("%s: %d %v %s", a.user, a.status, a.head, a.body)
	}
}
