package main

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/opaque"
	"github.com/m2md/m2md/engine/serve"
)

// metrics are a daemon's own: two daemons in one process share none.
type metrics struct {
	registry    *prometheus.Registry
	series      sync.Map // of seriesKey to series
	requests    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	generation  prometheus.Gauge
	reloads     *prometheus.CounterVec
	reloadOK    prometheus.Gauge
	reloadGood  prometheus.Gauge
	keyFetches  *prometheus.CounterVec
	opaqueAsked *prometheus.CounterVec
	keySets     *keySetMetrics
	expiry      *certificateExpiry
	revocations *revocationCount
	passwords   *passwordMetrics
	auditErrors prometheus.Counter
	crowd       *crowd // nil before the daemon listens

	keyRotations *prometheus.CounterVec
	keyErrors    prometheus.Counter

	configuration *prometheus.GaugeVec
	lastGood      prometheus.Gauge
	keepErrors    prometheus.Counter
}

// latencyBuckets are in seconds: a cached decision takes microseconds, one
// that waits for an issuer's keys some seconds.
var latencyBuckets = []float64{.00001, .00005, .0001, .00025, .0005, .001, .0025, .01, .05, .25, 1, 5}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "m2md_requests_total", Help: "Decisions, by door, provider and outcome (allow, deny, error)."},
			[]string{"door", "provider", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "m2md_decision_seconds", Help: "Time taken to decide, by door.", Buckets: latencyBuckets}, []string{"door"}),
		generation: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "m2md_generation", Help: "The generation that serves; counts from 1."}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "m2md_reloads_total", Help: "Reloads, by outcome (ok, failed, unchanged)."}, []string{"outcome"}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "m2md_last_reload_successful", Help: "1 where the files as they are now are those that serve, 0 where they have faults."}),
		reloadGood: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "m2md_last_reload_success_timestamp_seconds", Help: "When the serving generation was loaded."}),
		keyFetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "m2md_jwks_fetches_total", Help: "Fetches of remote key sets, by reason (due, unknown_kid) and outcome (ok, failed)."}, []string{"reason", "outcome"}),
		keySets:   newKeySetMetrics(),
		expiry:    newCertificateExpiry(),
		passwords: newPasswordMetrics(),

		revocations: newRevocationCount(),

		opaqueAsked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "m2md_opaque_token_requests_total", Help: "Requests to issuers about opaque tokens, by outcome (active, inactive, failed)."}, []string{"outcome"}),
		auditErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "m2md_audit_write_errors_total", Help: "Failed writes of the decision log."}),
		keyRotations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "m2md_signing_key_rotations_total", Help: "Signing keys that took over from another, by signing_key."}, []string{"signing_key"}),
		keyErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "m2md_signing_key_errors_total", Help: "Changes of signing keys that failed, and are tried again; those that are there go on."}),
		configuration: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "m2md_configuration_info", Help: "1; its labels name the files that serve, by hash and by the HEAD of their Git work tree."}, []string{"hash", "revision"}),
		lastGood: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "m2md_serving_last_good", Help: "1 where the daemon was started with --last-good on files that have faults, and these serve not yet; else 0."}),
		keepErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "m2md_generation_keep_errors_total", Help: "Failures to keep the sources of what serves, or how a reload went."}),
	}
	m.registry.MustRegister(m.requests, m.latency, m.generation, m.reloads, m.reloadOK, m.reloadGood, m.keyFetches, m.opaqueAsked, m.keySets, m.expiry, m.passwords, m.revocations, m.auditErrors, m.keyRotations, m.keyErrors, m.configuration, m.lastGood, m.keepErrors,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.ofCrowd()...)
	return m
}

// ofCrowd are the metrics of a crowd that is there once the daemon listens.
func (m *metrics) ofCrowd() []prometheus.Collector {
	told := func(what func(*crowd) float64) func() float64 {
		return func() float64 {
			if m.crowd == nil {
				return 0
			}
			return what(m.crowd)
		}
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "m2md_connections", Help: "Connections of clients."}, told(func(c *crowd) float64 { return float64(c.size()) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "m2md_connections_closed_total", Help: "Connections that were closed while they waited, to make room for others."}, told(func(c *crowd) float64 { return float64(c.closed.Load()) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "m2md_connections_refused_total", Help: "Connections for which there was no room."}, told(func(c *crowd) float64 { return float64(c.refused.Load()) })),
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

var _ engine.Auditor = (*metrics)(nil)

// series are what decisions of one kind are counted in.
type series struct {
	requests prometheus.Counter
	latency  prometheus.Observer
}

// seriesKey is a kind of decisions. Its values are bounded: provider is one of
// the files', or "".
type seriesKey struct {
	door, provider string
	outcome        engine.Outcome
}

// Record counts a decision.
func (m *metrics) Record(d *engine.Decision) {
	key := seriesKey{d.Door, d.Provider, d.Outcome}
	known, ok := m.series.Load(key)
	if !ok { // looking labels up takes longer than counting
		known, _ = m.series.LoadOrStore(key, series{
			m.requests.WithLabelValues(d.Door, d.Provider, string(d.Outcome)),
			m.latency.WithLabelValues(d.Door),
		})
	}
	counted := known.(series)
	counted.requests.Inc()
	counted.latency.Observe(d.Duration.Seconds())
}

func (m *metrics) fetched(event jwks.Event) {
	outcome := "ok"
	if event.Err != nil {
		outcome = "failed"
	}
	m.keyFetches.WithLabelValues(string(event.Reason), outcome).Inc()
}

// introspected counts what an issuer said of an opaque token.
func (m *metrics) introspected(event opaque.Event) {
	outcome := "active"
	switch {
	case errors.Is(event.Err, opaque.ErrInactive):
		outcome = "inactive"
	case event.Err != nil:
		outcome = "failed"
	}
	m.opaqueAsked.WithLabelValues(outcome).Inc()
}

// reloaded counts a reload.
func (m *metrics) reloaded(outcome string) {
	m.reloads.WithLabelValues(outcome).Inc()
	if outcome == "failed" {
		m.reloadOK.Set(0)
	} else {
		m.reloadOK.Set(1)
	}
}

// serving tells which generation serves since when.
func (m *metrics) serving(generation uint64, since time.Time) {
	m.generation.Set(float64(generation))
	m.reloadOK.Set(1)
	m.reloadGood.Set(float64(since.Unix()))
}

// configured tells which files serve.
func (m *metrics) configured(hash string, revision serve.Revision) {
	m.configuration.Reset()
	m.configuration.WithLabelValues(hash, revision.Commit).Set(1)
}

// servingLastGood tells whether something else than the files serves.
func (m *metrics) servingLastGood(is bool) {
	m.lastGood.Set(0)
	if is {
		m.lastGood.Set(1)
	}
}

// auditors passes each decision to several.
type auditors []engine.Auditor

// Record passes d on.
func (a auditors) Record(d *engine.Decision) {
	for _, one := range a {
		one.Record(d)
	}
}
