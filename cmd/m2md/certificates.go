package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

// certificateExpiry collects when the certificates of the serving generation
// end: of several in one block, the one that ends first.
type certificateExpiry struct {
	live *engine.Live // nil: nothing serves yet
	desc *prometheus.Desc
}

var _ prometheus.Collector = (*certificateExpiry)(nil)

func newCertificateExpiry() *certificateExpiry {
	return &certificateExpiry{desc: prometheus.NewDesc("m2md_verification_certificate_expiry_timestamp_seconds",
		"When a verification certificate ends, by its label; server.tls is the listener's own.", []string{"certificate"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *certificateExpiry) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *certificateExpiry) Collect(to chan<- prometheus.Metric) {
	if c.live == nil {
		return
	}
	told := ""
	for _, one := range c.live.Load().Certificates() {
		if one.Label != told { // the first of its label ends first
			told = one.Label
			to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(one.NotAfter.Unix()), one.Label)
		}
	}
}

// remindEvery is how often the log repeats that a certificate ends.
const remindEvery = 24 * time.Hour

// remindOfCertificates warns, now and then once a day, of certificates that end
// soon. It returns when ctx ends.
func (d *Daemon) remindOfCertificates(ctx context.Context) {
	again := time.NewTicker(remindEvery)
	defer again.Stop()
	for {
		for _, one := range d.live.Load().Certificates() {
			if now := d.deps.Now(); one.EndsSoon(now) {
				d.log.Warn("a certificate ends", "certificate", one.Label, "not_after", when(one.NotAfter), "left", daysLeft(one.NotAfter, now))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// daysLeft is how long a certificate still counts, in whole days.
func daysLeft(end, now time.Time) string {
	if now.After(end) {
		return "none"
	}
	return fmt.Sprintf("%dd", int(end.Sub(now).Hours()/24))
}

// certificateStatus tells when the certificates of a generation end.
func certificateStatus(live *engine.Engine) []serve.CertificateStatus {
	var all []serve.CertificateStatus
	for _, one := range live.Certificates() {
		all = append(all, serve.CertificateStatus{Label: one.Label, NotAfter: one.NotAfter})
	}
	return all
}

// certificateLine is a certificate for people, at the time that they ask.
func certificateLine(c serve.CertificateStatus, now time.Time) string {
	line := fmt.Sprintf("%s: until %s", c.Label, when(c.NotAfter))
	switch {
	case now.After(c.NotAfter):
		line += ", EXPIRED"
	case (engine.CertificateValidity{NotAfter: c.NotAfter}).EndsSoon(now):
		line += fmt.Sprintf(", ENDS SOON (%s left)", daysLeft(c.NotAfter, now))
	}
	return line
}
