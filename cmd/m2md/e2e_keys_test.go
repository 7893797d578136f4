//go:build unix

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// hastySite rotates as often as it may, and issues tokens that outlive a
// restart.
const hastySite = `
signing_key "main" {
  rotate_every = "2s"
}
service_account "backup" {
}
provider "files" {
  access_token_ttl = "2m"
  access "main" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.localhost"
  }
}
`

// publishedKids are the kids that a provider of the site publishes.
func (s *site) publishedKids(provider string) (kids []string) {
	s.t.Helper()
	res, err := http.Get(s.url + "/providers/" + provider + "/jwks")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) == 0 {
		s.t.Fatalf("%s: %v", body, err)
	}
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return kids
}

// keys are what the daemon, or its storage, tells of its keys, by kid.
func (s *site) keys() map[string]serve.SigningKey {
	s.t.Helper()
	out, errs, code := s.command("keys", "list", "--format", "json")
	if code != 0 {
		s.t.Fatalf("keys list exits with %d: %s", code, errs)
	}
	var all []serve.SigningKey
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		s.t.Fatal(err)
	}
	byID := map[string]serve.SigningKey{}
	for _, key := range all {
		byID[key.ID] = key
	}
	return byID
}

// A daemon that is killed at any moment of a rotation leaves its keys as they
// were: each that was published is, and each token that was issued is taken.
func TestE2EKeysSurviveSIGKILLInTheMidstOfRotations(t *testing.T) {
	s := newSite(t, hastySite)
	daemon := s.serve()
	password := s.password("backup")
	var tokens []string
	for _, after := range []time.Duration{0, 700 * time.Millisecond, 990 * time.Millisecond, 1010 * time.Millisecond, 1500 * time.Millisecond, 1990 * time.Millisecond, 2010 * time.Millisecond} {
		time.Sleep(after) // into the midst
		tokens = append(tokens, s.token("files", password))
		before := s.publishedKids("files")
		if err := daemon.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-daemon.ended
		kept := s.keys() // of the storage
		for _, kid := range before {
			if _, there := kept[kid]; !there {
				t.Errorf("killed after %s: key %s was published, and is not kept", after, kid)
			}
		}
		daemon = s.serve()
		now := s.keys()
		for kid, key := range kept {
			again, there := now[kid]
			if !there || !again.PublishedAt.Equal(key.PublishedAt) || !again.SignsFrom.Equal(key.SignsFrom) ||
				!key.SupersededAt.IsZero() && !again.SupersededAt.Equal(key.SupersededAt) {
				t.Errorf("killed after %s: key %+v is now %+v", after, key, again)
			}
		}
		left := s.publishedKids("files")
		for _, kid := range before {
			if !slices.Contains(left, kid) {
				t.Errorf("key %s is published no more", kid)
			}
		}
		for i, token := range tokens {
			if status := s.knock("files", bearer(token)); status != http.StatusOK {
				t.Errorf("token %d of %d gets %d at the door", i+1, len(tokens), status)
			}
		}
	}
	if n := len(s.keys()); n < 4 {
		t.Errorf("there are %d keys, so it rotated hardly ever", n)
	}
	t.Logf("%d keys over %d kills", len(s.keys()), len(tokens))
}
