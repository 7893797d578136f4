package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/m2md/m2md/engine"
)

// revocationCount collects how much is revoked.
type revocationCount struct {
	all  *engine.Revocations // nil: nothing serves yet
	desc *prometheus.Desc
}

var _ prometheus.Collector = (*revocationCount)(nil)

func newRevocationCount() *revocationCount {
	return &revocationCount{desc: prometheus.NewDesc("m2md_revocations",
		fmt.Sprintf("Revocations that are heeded, by kind (token, of which %d are kept at most, or the block whose tokens are revoked).", engine.MaxRevokedTokens), []string{"kind"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *revocationCount) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *revocationCount) Collect(to chan<- prometheus.Metric) {
	if c.all == nil {
		return
	}
	for kind, n := range c.all.Count() {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), string(kind))
	}
}

// forgetEvery is how often revocations are forgotten that have become needless.
const forgetEvery = 5 * time.Minute

// forgetRevocations does so until ctx ends.
func (d *Daemon) forgetRevocations(ctx context.Context) {
	again := time.NewTicker(forgetEvery)
	defer again.Stop()
	for {
		if err := d.deps.Revocations.Forget(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("forgetting revocations failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// revocationStatus counts revocations for status.
func revocationStatus(all *engine.Revocations) map[string]int {
	counts := map[string]int{}
	for kind, n := range all.Count() {
		counts[string(kind)] = n
	}
	return counts
}

// revokedLine tells what is revoked; "" for nothing.
func revokedLine(counts map[string]int) string {
	var parts []string
	for _, kind := range engine.RevocationKinds {
		if n := counts[string(kind)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d by %s", n, kind))
		}
	}
	return strings.Join(parts, ", ")
}
