package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage/memory"
)

// rotationEnv says for how long the keys rotate under load, such as 5m.
const rotationEnv = "M2MD_ROTATION"

// hasty are files whose signing key rotates as often as it may.
const hasty = listeners + `
signing_key "main" {
  rotate_every = "2s"
}

service_account "ci" {
}

provider "loki" {
  access_token_ttl = "5s"
  access "machines" {
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.test"
  }
}
`

// keeper verifies tokens as a resource server does that fetches the keys no
// sooner than it must: it keeps them for exactly as long as it may, and never
// asks again because of a kid that it does not know.
type keeper struct {
	url     string
	client  *http.Client
	keys    jose.JSONWebKeySet
	until   time.Time
	fetches int
}

// set is the key set to go by now. How long it may be kept counts from the
// request on, as RFC 9111 §4.2.3 has it.
func (k *keeper) set() (jose.JSONWebKeySet, error) {
	now := time.Now()
	if now.Before(k.until) {
		return k.keys, nil
	}
	res, err := k.client.Get(k.url)
	if err != nil {
		return k.keys, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return k.keys, err
	}
	age := regexp.MustCompile(`^public, max-age=(\d+)$`).FindStringSubmatch(res.Header.Get("Cache-Control"))
	if res.StatusCode != http.StatusOK || age == nil {
		return k.keys, fmt.Errorf("the keys are answered with %s, %q", res.Status, res.Header.Get("Cache-Control"))
	}
	if strings.Contains(string(body), `"d"`) {
		return k.keys, errors.New("the set holds a private key")
	}
	seconds, _ := strconv.Atoi(age[1])
	k.keys, k.until, k.fetches = jose.JSONWebKeySet{}, now.Add(time.Duration(seconds)*time.Second), k.fetches+1
	return k.keys, json.Unmarshal(body, &k.keys)
}

// verify returns the kid of the key that signed, and when the token expires.
func (k *keeper) verify(token string) (kid string, expiry time.Time, err error) {
	set, err := k.set()
	if err != nil {
		return "", expiry, err
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", expiry, err
	}
	kid = parsed.Headers[0].KeyID
	keys := set.Key(kid)
	if len(keys) != 1 {
		return kid, expiry, fmt.Errorf("the set, which may be kept for %s more, has %d keys %s", time.Until(k.until), len(keys), kid)
	}
	var claims jwt.Claims
	if err := parsed.Claims(keys[0], &claims); err != nil {
		return kid, expiry, err
	}
	return kid, claims.Expiry.Time(), nil
}

// rotationLoad is what one worker did.
type rotationLoad struct {
	rig      *rig
	keeper   keeper
	password string
	issued   int
	knocked  int
	signers  map[string]bool
	held     []heldToken
	wrong    []string
}

type heldToken struct {
	raw    string
	expiry time.Time
}

// run issues and verifies until stop is set: each token at once, and once more
// shortly before it expires.
func (l *rotationLoad) run(stop *atomic.Bool) {
	for !stop.Load() {
		answer, err := l.token()
		if err != nil {
			l.wrong = append(l.wrong, "asking for a token: "+err.Error())
			continue
		}
		l.issued++
		expiry := l.try(answer.AccessToken, "a new token")
		l.held = append(l.held, heldToken{answer.AccessToken, expiry})
		for len(l.held) > 0 && time.Until(l.held[0].expiry) < time.Second {
			if time.Until(l.held[0].expiry) > 0 {
				l.try(l.held[0].raw, "an old token")
			}
			l.held = l.held[1:]
		}
	}
}

// try shows a token to the verifier and at the door, and returns when it expires.
func (l *rotationLoad) try(token, what string) (expiry time.Time) {
	kid, expiry, err := l.keeper.verify(token)
	if err != nil {
		l.wrong = append(l.wrong, what+" is refused by the verifier: "+err.Error())
	}
	l.signers[kid] = true
	req, err := http.NewRequest(http.MethodGet, "http://"+l.rig.address()+"/auth/nginx/provider/loki", nil)
	if err != nil {
		l.wrong = append(l.wrong, err.Error())
		return expiry
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := l.keeper.client.Do(req)
	if err != nil {
		l.wrong = append(l.wrong, "at the door: "+err.Error())
		return expiry
	}
	res.Body.Close()
	l.knocked++
	if res.StatusCode != http.StatusOK && time.Now().Before(expiry) { // or it expired on the way
		l.wrong = append(l.wrong, fmt.Sprintf("%s is refused at the door, with %s, request %s", what, res.Status, res.Header.Get("X-Request-Id")))
	}
	return expiry
}

func (l *rotationLoad) token() (answer tokenAnswer, err error) {
	res, err := l.keeper.client.PostForm("http://"+l.rig.address()+"/oauth2/token", loginForm(l.password))
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return answer, err
	}
	if res.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%s: %s", res.Status, answer.Error)
	}
	return answer, nil
}

func TestRotationsUnderLoadRefuseNoToken(t *testing.T) {
	lasts := 10 * time.Second
	if asked := os.Getenv(rotationEnv); asked != "" {
		var err error
		if lasts, err = time.ParseDuration(asked); err != nil {
			t.Fatal(err)
		}
	}
	r := served(t, map[string]string{"a.hcl": hasty})
	password := r.password("ci")
	var stop atomic.Bool
	var workers sync.WaitGroup
	loads := make([]*rotationLoad, 4)
	for i := range loads {
		client := &http.Client{Transport: &http.Transport{}}
		t.Cleanup(client.CloseIdleConnections)
		loads[i] = &rotationLoad{rig: r, password: password, signers: map[string]bool{}, keeper: keeper{url: "http://" + r.address() + "/providers/loki/jwks", client: client}}
		workers.Go(func() { loads[i].run(&stop) })
	}
	time.Sleep(lasts) // that long is what is tried
	stop.Store(true)
	workers.Wait()

	issued, knocked, fetches, signers := 0, 0, 0, map[string]bool{}
	var wrong []string
	for _, l := range loads {
		issued, knocked, fetches, wrong = issued+l.issued, knocked+l.knocked, fetches+l.keeper.fetches, append(wrong, l.wrong...)
		for kid := range l.signers {
			signers[kid] = true
		}
	}
	rotations := r.metric(`m2md_signing_key_rotations_total{signing_key="main"}`)
	t.Logf("over %s: %d tokens, %d times at the door, %d fetches of the keys, %s rotations, %d keys signed", lasts, issued, knocked, fetches, rotations, len(signers))
	if len(wrong) > 0 {
		t.Errorf("%d refusals, the first: %s", len(wrong), wrong[0])
	}
	// A machine that is busy rotates later, and never sooner.
	if least := int(lasts/(2*time.Second)) / 2; len(signers) < least || knocked <= issued || fetches < least {
		t.Errorf("which proves little")
	}
	if n := r.metric("m2md_signing_key_errors_total"); n != "0" {
		t.Errorf("%s changes of keys failed", n)
	}
}

// The keys go on while the files are broken, and status goes on saying so.
func TestKeysRotateWhileTheFilesAreBroken(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": hasty})
	r.write("broken.hcl", misspelt)
	r.reload(false)
	before := r.generation()
	eventually(t, "a rotation", func() bool {
		return r.metric(`m2md_signing_key_rotations_total{signing_key="main"}`) >= "1" && r.generation() > before
	})
	if status := r.daemon.Status(); status.Reload.OK || status.Generation <= before {
		t.Errorf("Status = %+v", status)
	}
	r.checkMetrics(map[string]string{"m2md_last_reload_successful": "0"})
	if n := r.logged("msg=reloaded"); n != 0 {
		t.Errorf("%d reloads are logged", n)
	}
	if r.logged(`msg="signing key signs"`) < 2 || r.logged(`msg="signing key published"`) < 2 {
		t.Errorf("the log says\n%s", r.log)
	}
	if err := os.Remove(r.path("broken.hcl")); err != nil {
		t.Fatal(err)
	}
	generation := r.generation()
	if result := r.reload(true); result.Generation < generation {
		t.Errorf("mended: %+v", result)
	}
}

// full is a storage whose signing keys cannot be written while it is full.
type full struct {
	*memory.Store
	is atomic.Bool
}

func (f *full) ChangeSigningKeys(ctx context.Context, put []engine.StoredKey, drop []string) error {
	if f.is.Load() {
		return errors.New("the disk is full")
	}
	return f.Store.ChangeSigningKeys(ctx, put, drop)
}

func TestARotationThatFailsIsToldAndTriedAgain(t *testing.T) {
	r := newRig(t, map[string]string{"a.hcl": hasty})
	d, findings, err := r.open()
	if err != nil {
		t.Fatalf("%v\n%s", err, findings)
	}
	store := &full{Store: memory.New()}
	keys, err := d.deps.SigningKeys.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.ChangeSigningKeys(t.Context(), keys, nil); err != nil {
		t.Fatal(err)
	}
	d.deps.SigningKeys = store
	store.is.Store(true)
	r.run(d)
	kids := func() []string {
		published, _ := d.live.Load().ProviderKeys("loki")
		var all []string
		for _, key := range published {
			all = append(all, key.ID)
		}
		return all
	}
	first := kids()
	eventually(t, "two failures", func() bool { return r.metric("m2md_signing_key_errors_total") >= "2" })
	if r.logged("changing the signing keys failed") < 2 || r.logged("the disk is full") < 2 {
		t.Errorf("the log says\n%s", r.log)
	}
	if got := kids(); !slices.Equal(got, first) {
		t.Errorf("published %v, want %v as before", got, first)
	}
	if r.generation() != 1 {
		t.Errorf("generation %d serves, though nothing changed", r.generation())
	}
	if res := r.login(r.password("ci")); res.StatusCode != http.StatusOK {
		t.Errorf("login answered %s", res.Status)
	}
	// An operator is told that it failed.
	if _, err := d.signingKeys().OrderKeys(t.Context(), serve.KeyOrder{Name: "main"}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("OrderKeys: %v", err)
	}
	store.is.Store(false)
	eventually(t, "a rotation", func() bool { return len(kids()) > 1 && kids()[0] != first[0] })
}

func TestAChangedSecretOfTheKeysNeedsARestart(t *testing.T) {
	secret := func(digit string) string {
		return "storage {\n  key_encryption_key_file = \"" + digit + ".key\"\n}\n"
	}
	r := served(t, map[string]string{
		"a.hcl": listeners + letsIn, "storage.hcl": secret("1"),
		"1.key": strings.Repeat("1", 64), "2.key": strings.Repeat("2", 64),
	})
	for name, content := range map[string]string{"another secret": secret("2"), "none": "storage {\n}\n"} {
		r.write("storage.hcl", content)
		if result := r.reload(false); !strings.Contains(result.Report, `a changed "key_encryption_key" needs a restart`) || strings.Contains(result.Report, "2222") {
			t.Errorf("%s: %s", name, result.Report)
		}
	}
	r.write("storage.hcl", secret("1")+"# as before\n")
	r.reload(true)
	if strings.Contains(r.log.String(), "1111") {
		t.Errorf("the log holds the secret:\n%s", r.log)
	}
}
