package obs

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tokligence/gateway/core/events"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/plugin"
)

// collector reads figures when it is asked, so that keeping them costs nothing.
type collector struct {
	descs   []*prometheus.Desc
	collect func(chan<- prometheus.Metric)
}

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

func (c *collector) Collect(out chan<- prometheus.Metric) { c.collect(out) }

// PluginCollector tells of every running plugin.
func PluginCollector(l *plugin.Loader) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tokligence_plugin_"+name, help, []string{"plugin"}, nil)
	}
	calls, faults, seconds := desc("calls_total", "Calls."), desc("faults_total", "Failed calls."), desc("seconds_total", "Time in calls.")
	waits, instances, idle := desc("waits_total", "Calls that found no free instance."), desc("instances", "Instances."), desc("idle_instances", "Instances without a call.")
	open := desc("breaker_open", "1 while the plugin is not called because it failed too often.")
	return &collector{[]*prometheus.Desc{calls, faults, seconds, waits, instances, idle, open}, func(out chan<- prometheus.Metric) {
		sums := map[string]plugin.Stats{}
		for _, p := range l.Loaded() { // a plugin with several configurations is one plugin
			s, n := sums[p.Declaration.ID], p.Plugin.Stats()
			s.Calls, s.Faults, s.Time, s.Waits = s.Calls+n.Calls, s.Faults+n.Faults, s.Time+n.Time, s.Waits+n.Waits
			s.Instances, s.Idle, s.BreakerOpen = s.Instances+n.Instances, s.Idle+n.Idle, s.BreakerOpen || n.BreakerOpen
			sums[p.Declaration.ID] = s
		}
		for id, s := range sums {
			counter := func(d *prometheus.Desc, v float64) {
				out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, id)
			}
			gauge := func(d *prometheus.Desc, v float64) {
				out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, id)
			}
			counter(calls, float64(s.Calls))
			counter(faults, float64(s.Faults))
			counter(seconds, s.Time.Seconds())
			counter(waits, float64(s.Waits))
			gauge(instances, float64(s.Instances))
			gauge(idle, float64(s.Idle))
			gauge(open, truth(s.BreakerOpen))
		}
	}}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// LedgerCollector tells of the ledger's writer.
func LedgerCollector(l *ledger.Ledger) prometheus.Collector {
	queue := prometheus.NewDesc("tokligence_ledger_queue_bytes", "What waits to be written.", nil, nil)
	healthy := prometheus.NewDesc("tokligence_ledger_healthy", "1 while the ledger can be written.", nil, nil)
	batches := prometheus.NewDesc("tokligence_ledger_batches_total", "Transactions committed.", nil, nil)
	return &collector{[]*prometheus.Desc{queue, healthy, batches}, func(out chan<- prometheus.Metric) {
		s := l.Stats()
		out <- prometheus.MustNewConstMetric(queue, prometheus.GaugeValue, float64(s.QueuedBytes))
		out <- prometheus.MustNewConstMetric(healthy, prometheus.GaugeValue, truth(s.Healthy))
		out <- prometheus.MustNewConstMetric(batches, prometheus.CounterValue, float64(s.Batches))
	}}
}

// EventsCollector tells how events get to webhooks and by mail.
func EventsCollector(s *events.Service) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tokligence_events_"+name, help, nil, nil)
	}
	queued, oldest := desc("queued", "Deliveries that wait for an attempt."), desc("oldest_pending_seconds", "Age of the oldest of them.")
	delivered, failed := desc("delivered_total", "Deliveries that were taken."), desc("failed_total", "Deliveries that were given up.")
	dropped := desc("dropped_total", "Events of the request path that found no room.")
	return &collector{[]*prometheus.Desc{queued, oldest, delivered, failed, dropped}, func(out chan<- prometheus.Metric) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		st, err := s.Stats(ctx)
		if err == nil { // else the database does not answer, which others tell
			age := 0.0
			if st.Pending > 0 {
				age = s.Now().Sub(st.Oldest).Seconds()
			}
			out <- prometheus.MustNewConstMetric(queued, prometheus.GaugeValue, float64(st.Pending))
			out <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, age)
		}
		out <- prometheus.MustNewConstMetric(delivered, prometheus.CounterValue, float64(st.Delivered))
		out <- prometheus.MustNewConstMetric(failed, prometheus.CounterValue, float64(st.Failed))
		out <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(st.Dropped))
	}}
}

// ConfigCollector tells of the configuration in force: state says whether it is
// the one on disk as last read, how many were applied since the start, and the
// number of its revision.
func ConfigCollector(state func() (applied bool, revisions, number int64)) prometheus.Collector {
	current := prometheus.NewDesc("tokligence_config_current", "0 while the configuration on disk has faults and an older one is in force.", nil, nil)
	count := prometheus.NewDesc("tokligence_config_revisions_total", "Configurations put in force.", nil, nil)
	revision := prometheus.NewDesc("tokligence_config_revision", "Number of the revision in force; nodes with different ones do not serve the same.", nil, nil)
	return &collector{[]*prometheus.Desc{current, count, revision}, func(out chan<- prometheus.Metric) {
		applied, revisions, number := state()
		out <- prometheus.MustNewConstMetric(current, prometheus.GaugeValue, truth(applied))
		out <- prometheus.MustNewConstMetric(count, prometheus.CounterValue, float64(revisions))
		out <- prometheus.MustNewConstMetric(revision, prometheus.GaugeValue, float64(number))
	}}
}
