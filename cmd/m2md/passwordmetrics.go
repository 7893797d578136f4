package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/m2md/m2md/engine"
)

// passwordMetrics tell, at each scrape, how app passwords are. They read counts
// and the few that end soonest, never all.
type passwordMetrics struct {
	book *passwordBook // nil: none yet

	states, expiry, more                 *prometheus.Desc
	pending, dropped, failed             *prometheus.Desc
	hashed, hashesRefused, hashesWaiting *prometheus.Desc
}

var _ prometheus.Collector = (*passwordMetrics)(nil)

func newPasswordMetrics() *passwordMetrics {
	desc := prometheus.NewDesc
	return &passwordMetrics{
		states: desc("m2md_app_passwords", "App passwords, by state (active, expired, revoked, orphaned).", []string{"state"}, nil),
		expiry: desc("m2md_app_password_expiry_seconds", "When an active app password ends by itself or by max_age, in seconds since 1970; of very many, the hundred that end soonest.",
			[]string{"account", "id"}, nil),
		more:          desc("m2md_app_password_expiries_untold", "Active app passwords that end some time and have no m2md_app_password_expiry_seconds, as they are too many.", nil, nil),
		pending:       desc("m2md_app_password_uses_pending", "App passwords whose last use is not written yet.", nil, nil),
		dropped:       desc("m2md_app_password_uses_dropped_total", "Uses of app passwords that were not remembered, as too many could not be written.", nil, nil),
		failed:        desc("m2md_app_password_use_write_errors_total", "Failed writes of last uses.", nil, nil),
		hashed:        desc("m2md_password_hashes_total", "Slow hashes that were computed for imported app passwords, and in the place of those.", nil, nil),
		hashesRefused: desc("m2md_password_hashes_refused_total", "Logins with imported app passwords that were put off, as too many were to be hashed.", nil, nil),
		hashesWaiting: desc("m2md_password_hashes_waiting", "Logins with imported app passwords that wait for a hash.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *passwordMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{m.states, m.expiry, m.more, m.pending, m.dropped, m.failed, m.hashed, m.hashesRefused, m.hashesWaiting} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *passwordMetrics) Collect(to chan<- prometheus.Metric) {
	if m.book == nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	counter := func(desc *prometheus.Desc, value uint64) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value))
	}
	pending, dropped := m.book.uses.Pending()
	gauge(m.pending, float64(pending))
	counter(m.dropped, dropped)
	counter(m.failed, m.book.writeErrors())
	hashes := m.book.hasher.Stats()
	counter(m.hashed, hashes.Hashed)
	counter(m.hashesRefused, hashes.Refused)
	gauge(m.hashesWaiting, float64(hashes.Waiting))
	summary, err := m.book.summary(false)
	if err != nil { // what is absent can be alerted on; who looks for the reason asks for the status
		return
	}
	for _, state := range []engine.AppPasswordState{engine.StateActive, engine.StateExpired, engine.StateRevoked, engine.StateOrphaned} {
		gauge(m.states, float64(summary.Counts[state]), string(state))
	}
	for _, one := range summary.Ending {
		gauge(m.expiry, seconds(one.EndsAt), one.Account, one.ID)
	}
	gauge(m.more, float64(summary.MoreEnding))
}

// writeErrors counts failed writes of uses.
func (b *passwordBook) writeErrors() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.errors
}
