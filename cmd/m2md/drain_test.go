package main

import (
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDrainingLetsTheRequestInFlightFinish(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	slow := r.begin(r.password("ci"))
	if status, _ := r.observed("/-/ready"); status != http.StatusOK {
		t.Fatalf("readiness is %d before", status)
	}
	r.cancel()
	eventually(t, "not ready", func() bool {
		status, _ := r.observed("/-/ready")
		return status == http.StatusServiceUnavailable
	})
	if status, _ := r.observed("/-/healthy"); status != http.StatusOK {
		t.Errorf("health is %d; the process lives", status)
	}
	eventually(t, "taking no more connections", func() bool {
		conn, err := net.DialTimeout("tcp", r.address(), time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if n := r.logged("msg=draining"); n != 1 {
		t.Errorf("draining was logged %d times", n)
	}
	res := slow.finish()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the request in flight was answered %s", res.Status)
	}
	r.stop()
	if d := r.decision(res.Header.Get("X-Request-Id")); d["outcome"] != "allow" {
		t.Errorf("its decision is %v", d)
	}
}

// A reload is answered to the end, even while the daemon stops.
func TestAReloadOfAStoppedDaemonIsRefused(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	d := r.daemon
	r.stop()
	ctx, cancel := contextWithin(t, 50*time.Millisecond)
	defer cancel()
	if result := d.Reload(ctx); result.OK || !strings.Contains(result.Report, "busy or stopping") {
		t.Errorf("Reload = %+v", result)
	}
	d.Close() // a second time, which does nothing
}

func TestADaemonEndsAllThatItStarted(t *testing.T) {
	// Not in parallel with other tests, and behind what they left.
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	before := settledGoroutines(t)
	for range 3 {
		r := served(t, map[string]string{"a.hcl": listeners + letsIn + `
oauth_source "gone" {
  issuer        = "https://issuer.invalid"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://issuer.invalid/jwks"
}
`})
		r.login(r.password("ci"))
		r.write("b.hcl", misspelt)
		r.reload(false)
		if err := os.Remove(r.path("b.hcl")); err != nil {
			t.Fatal(err)
		}
		r.stop()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	eventually(t, "ending all goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// settledGoroutines waits until goroutines that are ending have ended.
func settledGoroutines(t *testing.T) int {
	t.Helper()
	n := runtime.NumGoroutine()
	for same := 0; same < 10; time.Sleep(10 * time.Millisecond) {
		if now := runtime.NumGoroutine(); now == n {
			same++
		} else {
			n, same = now, 0
		}
	}
	return n
}
