package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
)

// rotatingFiles trust an issuer by the keys that it publishes.
func rotatingFiles(issuer *enginetest.Issuer) map[string]string {
	return map[string]string{"m2md.hcl": fmt.Sprintf(`
server {
  listen       = "127.0.0.1:0"
  external_url = "https://auth.example.com"
}
oauth_source "ci" {
  issuer              = %q
  oidc_well_known_url = %q
  allow_http          = true
  audiences           = ["https://auth.example.com"]
}
provider "loki" {
  access "ci" {
    from = [oauth_source.ci]
  }
}
`, issuer.URL, issuer.WellKnownURL())}
}

// exchange shows an input JWT, and returns the status of the answer.
func (r *rig) exchange(client *http.Client, jwt string) (int, string, error) {
	res, err := client.PostForm("http://"+r.address()+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"loki"}, "client_secret": {jwt},
	})
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

func mintFor(issuer *enginetest.Issuer, key *enginetest.Key) string {
	now := time.Now()
	return key.Mint(map[string]any{
		"iss": issuer.URL, "aud": "https://auth.example.com", "sub": "job",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
}

// An issuer that publishes its next key and then signs with it loses nobody a
// request, however soon it does so; a key that it published no more is refused
// once that was seen.
func TestAnIssuersKeysRotateUnderLoad(t *testing.T) {
	keys := make([]*enginetest.Key, 4)
	for i := range keys {
		keys[i] = enginetest.NewKey(t, fmt.Sprintf("k%d", i), "ES256")
	}
	issuer := enginetest.NewIssuer(t, keys[0])
	r := served(t, rotatingFiles(issuer))

	var current atomic.Pointer[enginetest.Key]
	current.Store(keys[0])
	var asked atomic.Int64
	var wrong sync.Map
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				key := current.Load()
				status, body, err := r.exchange(client, mintFor(issuer, key))
				asked.Add(1)
				if err != nil || status != http.StatusOK {
					wrong.Store(fmt.Sprintf("%s: %d %s %v", key.ID, status, body, err), true)
				}
			}
		})
	}
	for i := 1; i < len(keys); i++ {
		before := asked.Load()
		eventually(t, "requests with the key before", func() bool { return asked.Load() > before+20 })
		issuer.Publish(keys[i-1], keys[i])
		current.Store(keys[i])
	}
	before := asked.Load()
	eventually(t, "requests with the last key", func() bool { return asked.Load() > before+20 })
	close(stop)
	workers.Wait()
	wrong.Range(func(answer, _ any) bool { t.Error(answer); return true })
	t.Logf("%d requests over %d rotations, %d fetches", asked.Load(), len(keys)-1, issuer.Fetches())

	status, body, err := r.exchange(http.DefaultClient, mintFor(issuer, keys[0]))
	if err != nil || status != http.StatusBadRequest {
		t.Errorf("the first key, which left the set: %d %s %v", status, body, err)
	}
	if n := issuer.Fetches(); n > 6 {
		t.Errorf("the keys were fetched %d times", n)
	}
}
