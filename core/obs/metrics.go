// Package obs tells operators what happens: one log line and one set of
// metrics per exchange, never a prompt, an answer or a secret.
package obs

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/exchange"
)

// Metrics are the gateway's own. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	cost     *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	unpriced *prometheus.CounterVec
	findings *prometheus.CounterVec

	bound sync.Map // series → *boundMetrics: label look-ups are paid once
}

// series is one combination of labels. Models that do not exist share one name,
// so that clients cannot make series.
type series struct {
	model, provider, deployment, endpoint string
	outcome                               core.Outcome
	status                                int
}

type boundMetrics struct {
	requests       prometheus.Counter
	input, output  prometheus.Counter
	cost           prometheus.Counter
	latency, first prometheus.Observer
}

// seconds are histogram bounds from a cached answer to a long thought.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 600}

// NewMetrics registers everything, with Go's and the process's own figures.
func NewMetrics() *Metrics {
	labels := []string{"model", "provider", "deployment", "endpoint"}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tokligence_requests_total", Help: "Exchanges that have ended."}, append(labels, "outcome", "status")),
		tokens:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tokligence_tokens_total", Help: "Tokens, by direction."}, append(labels, "direction")),
		cost:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tokligence_cost_dollars_total", Help: "Amounts of ledger entries."}, labels),
		latency:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tokligence_request_seconds", Help: "From arrival to settlement.", Buckets: seconds}, append(labels, "outcome")),
		first:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tokligence_first_token_seconds", Help: "From arrival to the first event of a stream.", Buckets: seconds}, labels),
		unpriced: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tokligence_unpriced_total", Help: "Entries whose model has no price."}, labels),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tokligence_guardrail_findings_total", Help: "Guardrail findings, by rule."}, []string{"finding"}),
	}
	m.registry.MustRegister(m.requests, m.tokens, m.cost, m.latency, m.first, m.unpriced, m.findings,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds a collector of another part of the gateway.
func (m *Metrics) Register(c prometheus.Collector) { m.registry.MustRegister(c) }

// Handler serves the metrics in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Exchange counts one ended exchange.
func (m *Metrics) Exchange(o *exchange.Observed) {
	e := o.Entry
	s := series{e.RequestedModel, e.Provider, e.Deployment, e.Endpoint, e.Outcome, e.Status}
	switch e.ErrorCode { // the model may be whatever a client wrote
	case core.CodeNotFound:
		s.model = "unknown"
	case core.CodeInvalidRequest, core.CodePermissionDenied:
		if e.Deployment == "" {
			s.model = "unknown"
		}
	}
	b := m.bind(s)
	b.requests.Inc()
	b.latency.Observe(e.Latency.Seconds())
	if e.FirstByte > 0 {
		b.first.Observe(e.FirstByte.Seconds())
	}
	if n := e.Usage.InputTokens(); n > 0 {
		b.input.Add(float64(n))
	}
	if n := e.Usage.OutputTokens(); n > 0 {
		b.output.Add(float64(n))
	}
	if e.Amount > 0 {
		b.cost.Add(float64(e.Amount) / float64(core.Dollar))
	}
	if e.Unpriced {
		m.unpriced.WithLabelValues(s.model, s.provider, s.deployment, s.endpoint).Inc()
	}
	for _, f := range e.Findings {
		m.findings.WithLabelValues(f).Inc()
	}
}

func (m *Metrics) bind(s series) *boundMetrics {
	if b, ok := m.bound.Load(s); ok {
		return b.(*boundMetrics)
	}
	l := []string{s.model, s.provider, s.deployment, s.endpoint}
	with := func(more ...string) []string { return append(l[:4:4], more...) }
	b := &boundMetrics{
		requests: m.requests.WithLabelValues(with(string(s.outcome), strconv.Itoa(s.status))...),
		input:    m.tokens.WithLabelValues(with("input")...),
		output:   m.tokens.WithLabelValues(with("output")...),
		cost:     m.cost.WithLabelValues(l...),
		latency:  m.latency.WithLabelValues(with(string(s.outcome))...),
		first:    m.first.WithLabelValues(l...),
	}
	actual, _ := m.bound.LoadOrStore(s, b)
	return actual.(*boundMetrics)
}
