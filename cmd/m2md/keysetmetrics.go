package main

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/m2md/m2md/engine/jwks"
)

// keySetMetrics tells, at each scrape, how the remote key sets of what serves
// are then. A set that is no longer served has no series any more.
type keySetMetrics struct {
	remotes func() []*jwks.Remote // nil: none yet

	keys, skipped, stale, fetched, expires *prometheus.Desc
}

var _ prometheus.Collector = (*keySetMetrics)(nil)

func newKeySetMetrics() *keySetMetrics {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"url"}, nil) }
	return &keySetMetrics{
		keys:    desc("m2md_jwks_keys", "Keys of an issuer's set that are used now; 0 where there are none or they are too old."),
		skipped: desc("m2md_jwks_skipped_keys", "Keys of an issuer's set that cannot be used: broken, of an unknown kind, or not for signatures."),
		stale:   desc("m2md_jwks_stale", "1 where an issuer's set may be out of date: its last fetch failed, or none has succeeded since the start."),
		fetched: desc("m2md_jwks_fetched_timestamp_seconds", "When an issuer's set was fetched."),
		expires: desc("m2md_jwks_expires_timestamp_seconds", "When an issuer's set gets too old to be used, unless it is fetched before."),
	}
}

// Describe implements prometheus.Collector.
func (m *keySetMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{m.keys, m.skipped, m.stale, m.fetched, m.expires} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *keySetMetrics) Collect(to chan<- prometheus.Metric) {
	if m.remotes == nil {
		return
	}
	now, named := time.Now(), map[string]int{}
	for _, remote := range m.remotes() {
		s := remote.Status()
		named[s.URL]++
		if n := named[s.URL]; n > 1 { // they differ in the query, which may be secret, or in the CA
			s.URL = fmt.Sprintf("%s (%d)", s.URL, n)
		}
		m.collect(to, s, now)
	}
}

// collect tells of one set, as it is at a time.
func (m *keySetMetrics) collect(to chan<- prometheus.Metric, s jwks.Status, now time.Time) {
	tell := func(desc *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, s.URL)
	}
	usable, stale := s.Keys, 0.0
	if !now.Before(s.Expires) {
		usable = 0
	}
	if s.Stale {
		stale = 1
	}
	tell(m.keys, float64(usable))
	tell(m.skipped, float64(len(s.Skipped)))
	tell(m.stale, stale)
	if !s.FetchedAt.IsZero() { // or it would seem to be of 1970
		tell(m.fetched, seconds(s.FetchedAt))
		tell(m.expires, seconds(s.Expires))
	}
}

// seconds is a time as metrics tell it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
