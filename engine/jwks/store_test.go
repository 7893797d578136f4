package jwks_test

import (
	"context"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/m2md/m2md/engine/jwks"
)

// shelf is a store in memory that can fail and block.
type shelf struct {
	mu    sync.Mutex
	sets  map[[sha256.Size]byte]jwks.StoredSet
	fault error
	block chan struct{} // where set, calls wait for it, whatever their context
	kept  int           // how often a set was kept
	asked int           // how often a set was asked for, and told
}

func newShelf() *shelf { return &shelf{sets: map[[sha256.Size]byte]jwks.StoredSet{}} }

// enter is the beginning of each call. It returns with s.mu held.
func (s *shelf) enter() error {
	s.mu.Lock()
	if block := s.block; block != nil {
		s.mu.Unlock()
		<-block
		s.mu.Lock()
	}
	return s.fault
}

func (s *shelf) KeySet(_ context.Context, id [sha256.Size]byte) (jwks.StoredSet, bool, error) {
	err := s.enter()
	defer s.mu.Unlock()
	set, found := s.sets[id]
	s.asked++
	return set, found && err == nil, err
}

func (s *shelf) KeepKeySet(_ context.Context, set jwks.StoredSet) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err == nil {
		s.sets[set.ID] = set
		s.kept++
	}
	return err
}

func (s *shelf) ForgetKeySets(_ context.Context, now time.Time) error {
	err := s.enter()
	defer s.mu.Unlock()
	for id, set := range s.sets {
		if err == nil && !set.Until.After(now) {
			delete(s.sets, id)
		}
	}
	return err
}

// set changes how the store answers.
func (s *shelf) set(fault error, block chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.block = fault, block
}

// alter changes all sets that are kept.
func (s *shelf) alter(f func(*jwks.StoredSet)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, set := range s.sets {
		f(&set)
		s.sets[id] = set
	}
}

// only is the one set that is kept.
func (s *shelf) only(t *testing.T) jwks.StoredSet {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sets) != 1 {
		t.Fatalf("%d sets are kept, want 1", len(s.sets))
	}
	for _, set := range s.sets {
		return set
	}
	panic("unreachable")
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

func (s *shelf) answers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

// fetchedAndKept fetches the keys of a config as one process would, has them
// kept, and ends that process.
func fetchedAndKept(t *testing.T, store *shelf, clock *clock, cfg jwks.Config) {
	t.Helper()
	c, _ := newCache(t, jwks.Options{Store: store, Now: clock.now})
	if _, err := remote(t, c, cfg).Set(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestAKeptSetServesAfterARestartWhileItsIssuerIsDown(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey()), jwk("b", rsaKey(), "alg", `"PS256"`), jwk("", ecKey(elliptic.P521()))))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL + "/keys?secret", CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	fetched := clock.now()
	i.change(status(503))
	clock.pass(3 * time.Hour)

	var log lockedBuffer
	c, events := newCache(t, jwks.Options{Store: store, Now: clock.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := remote(t, c, cfg)
	restarted := clock.now()
	wantKeys(t, r, "a", "a b ")
	s, err := r.Set(t.Context(), "")
	if err != nil || len(s.Candidates("b", "PS256")) != 1 || len(s.Candidates("b", "RS256")) != 0 || len(s.Candidates("c", "ES512")) != 1 {
		t.Errorf("the keys are not what they were: %v, %v", s.Keys(), err)
	}
	events.await(t, failed)
	clock.pass(time.Minute)
	got := r.Status()
	if !got.Stale || !got.Restored || !got.StaleSince.Equal(restarted) || !got.FetchedAt.Equal(fetched) ||
		!got.Expires.Equal(fetched.Round(0).Add(24*time.Hour+15*time.Minute)) || got.Keys != 3 || !strings.Contains(got.LastError, "503") {
		t.Errorf("Status = %+v", got)
	}

	i.change(serve(set(jwk("new", edKey()))))
	clock.pass(time.Minute)
	wantKeys(t, r, "new", "new") // what its issuer has revoked is gone
	if got := r.Status(); got.Stale || got.Restored || !got.StaleSince.IsZero() || got.LastError != "" {
		t.Errorf("Status after a fetch = %+v", got)
	}
	c.Close()
	if said := log.String(); strings.Count(said, "fetching keys failed") != 1 || strings.Count(said, "works again") != 1 || strings.Contains(said, "secret") {
		t.Errorf("the log is:\n%s", said)
	}
}

// While the issuer hangs, a token of a known key waits for nobody.
func TestAKeptSetServesBeforeTheFirstFetchEnds(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	release := make(chan struct{})
	i.change(func(w http.ResponseWriter, r *http.Request) {
		<-release
		serve(set(jwk("b", edKey())))(w, r)
	})
	c, events := newCache(t, jwks.Options{Store: store, Now: clock.now})
	r := remote(t, c, cfg)
	c.Use([]*jwks.Remote{r})
	wantKeys(t, r, "a", "a")
	if s := r.Status(); !s.Stale || !s.Restored || s.LastError != "" {
		t.Errorf("Status = %+v", s)
	}
	close(release)
	events.await(t, good) // made without any token
	wantKeys(t, r, "a", "b")
}

func TestHowLongAKeptSetServesIsCountedFromItsFetch(t *testing.T) {
	const whole = 24*time.Hour + 15*time.Minute
	tests := []struct {
		name   string
		pass   time.Duration // from the fetch to the restart
		alter  func(*jwks.StoredSet)
		serves bool
		logged string
	}{
		{"a moment before its end", whole - time.Second, nil, true, ""},
		{"at its end", whole, nil, false, ""},
		{"a clock that went back", -time.Hour, nil, false, "has the clock gone back"},
		{"a record that claims too much", 72 * time.Hour, func(s *jwks.StoredSet) { s.Until = s.Until.Add(1000 * time.Hour) }, false, ""},
		{"a record of another config", time.Minute, func(s *jwks.StoredSet) { s.ID[0]++ }, false, "the set of another source"},
		{"a damaged document", time.Minute, func(s *jwks.StoredSet) { s.Document = s.Document[1:] }, false, "not a JWK set"},
		{"a document with a private key", time.Minute, func(s *jwks.StoredSet) {
			s.Document = []byte(strings.Replace(string(s.Document), `"kty"`, `"d":"AA","kty"`, 1))
		}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
			cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
			fetchedAndKept(t, store, clock, cfg)
			if tt.alter != nil {
				store.alter(tt.alter)
			}
			i.change(status(500))
			clock.pass(tt.pass)
			var log lockedBuffer
			c, _ := newCache(t, jwks.Options{Store: store, Now: clock.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := remote(t, c, cfg)
			if got, err := keysOf(t, r, "a"); tt.serves != (err == nil && got == "a") {
				t.Errorf("keys are %q, %v, want them served: %t", got, err, tt.serves)
			}
			if said := log.String(); !strings.Contains(said, tt.logged) {
				t.Errorf("the log lacks %q:\n%s", tt.logged, said)
			}
			if tt.serves {
				clock.pass(2 * time.Second)
				if got, err := keysOf(t, r, "a"); err == nil {
					t.Errorf("after its end the keys are %q", got)
				}
			}
		})
	}
}

// setBack is t on a machine whose clock was set back meanwhile: the wall shows
// less, and the monotonic reading is what it was. Only the runtime makes such a
// time, so this reaches into it.
func setBack(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	changed := at
	*(*uint64)(unsafe.Pointer(&changed)) -= uint64(by/time.Second) << 30
	if changed.Sub(at) != 0 || at.Round(0).Sub(changed.Round(0)) != by {
		t.Skip("this Go keeps times in another way")
	}
	return changed
}

func TestAClockThatIsSetBackDoesNotExtendASet(t *testing.T) {
	i, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newClock()
	back := time.Duration(0)
	c, _ := newCache(t, jwks.Options{Now: func() time.Time { return setBack(t, clock.now(), back) }})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "a", "a")
	i.change(status(500))
	back = 100 * time.Hour
	clock.pass(24 * time.Hour)
	wantKeys(t, r, "a", "a")
	clock.pass(time.Hour)
	if got, err := keysOf(t, r, "a"); err == nil {
		t.Errorf("after its end the keys are %q", got)
	}
}

func TestAnEmptiedSetIsKeptToo(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	i.change(serve(`{"keys":[]}`)) // all are revoked
	clock.pass(time.Hour)
	c, events := newCache(t, jwks.Options{Store: store, Now: clock.now})
	c.Use([]*jwks.Remote{remote(t, c, cfg)})
	events.await(t, good)
	c.Close()
	i.change(status(500))
	c, _ = newCache(t, jwks.Options{Store: store, Now: clock.now})
	wantKeys(t, remote(t, c, cfg), "a", "")
}

func TestASourceThatWasRemovedAndComesBackHasItsKeptSet(t *testing.T) {
	i, store := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	c, events := newCache(t, jwks.Options{Store: store})
	c.Use([]*jwks.Remote{remote(t, c, cfg)})
	events.await(t, good)
	eventually(t, "it is kept", func() bool { return store.count() == 1 })
	c.Use(nil)
	i.change(status(500))
	again := remote(t, c, cfg)
	c.Use([]*jwks.Remote{again})
	wantKeys(t, again, "a", "a")
	if !again.Status().Restored {
		t.Error("it was not restored")
	}
}

func TestNoConfigSeesTheKeptSetOfAnother(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	i.change(status(500))
	c, _ := newCache(t, jwks.Options{Store: store, Now: clock.now})
	for name, other := range map[string]jwks.Config{
		"another query": {URL: i.URL + "?tenant=b", CAPEM: i.ca()},
		"plain HTTP":    {URL: i.URL, CAPEM: i.ca(), AllowHTTP: true},
		"discovery":     {WellKnownURL: i.URL, Issuer: "x", CAPEM: i.ca()},
		"another CA":    {URL: i.URL, CAPEM: append(i.ca(), i.ca()...)},
	} {
		if got, err := keysOf(t, remote(t, c, other), "a"); err == nil {
			t.Errorf("%s: the keys are %q", name, got)
		}
	}
	wantKeys(t, remote(t, c, cfg), "a", "a")
}

// Each field of Config makes another ID; a field that is added later and left
// out of it would let one source see the keys of another.
func TestEveryFieldOfAConfigTellsKeptSetsApart(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	seen := map[[sha256.Size]byte]string{}
	see := func(name string, cfg jwks.Config) {
		t.Helper()
		id := cfg.StoreID()
		if other, twice := seen[id]; twice {
			t.Errorf("%s has the ID of %s", name, other)
		}
		seen[id] = name
	}
	base := jwks.Config{URL: "a", WellKnownURL: "b", Issuer: "c", CAPEM: i.ca()}
	see("the base", base)
	for n := range reflect.TypeFor[jwks.Config]().NumField() {
		changed := base
		field := reflect.ValueOf(&changed).Elem().Field(n)
		switch field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "x")
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Slice:
			field.SetBytes(append(i.ca(), 'x'))
		default:
			t.Fatalf("a field of kind %s: teach this test, and storeID, about it", field.Kind())
		}
		see(reflect.TypeFor[jwks.Config]().Field(n).Name, changed)
	}
	see("shifted", jwks.Config{URL: "ab", WellKnownURL: "", Issuer: "c", CAPEM: i.ca()})
}

func TestAStoreThatFailsHurtsNoToken(t *testing.T) {
	i, store := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf()
	store.set(errors.New("the disk is full"), nil)
	var log lockedBuffer
	opts := quick
	opts.Store, opts.Log = store, slog.New(slog.NewTextHandler(&log, nil))
	c, events := newCache(t, opts)
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	c.Use([]*jwks.Remote{r})
	for range 5 {
		events.await(t, good)
	}
	wantKeys(t, r, "a", "a")
	if r.Status().Stale {
		t.Error("the set is called stale")
	}
	store.set(nil, nil)
	eventually(t, "it is kept", func() bool { return store.count() > 0 })
	c.Close()
	said := log.String()
	if strings.Count(said, "keeping fetched keys failed") != 1 || strings.Count(said, "keeping fetched keys works again") != 1 || strings.Count(said, "kept keys can not be used") != 1 {
		t.Errorf("the log is:\n%s", said)
	}
}

func TestAStoreThatBlocksHoldsUpNothing(t *testing.T) {
	i, store := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf()
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	store.set(nil, block)
	opts := quick
	opts.Store = store
	c, events := newCache(t, opts)
	began := time.Now()
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	c.Use([]*jwks.Remote{r})
	if took := time.Since(began); took > patience/4 {
		t.Errorf("the start took %s", took)
	}
	wantKeys(t, r, "a", "a")
	i.change(serve(set(jwk("b", edKey()))))
	events.await(t, func(jwks.Event) bool { return r.Status().Keys == 1 && keysNow(t, r) == "b" })
	began = time.Now()
	c.Close()
	if took := time.Since(began); took > patience/2 {
		t.Errorf("closing took %s", took)
	}
}

func keysNow(t *testing.T, r *jwks.Remote) string {
	got, err := keysOf(t, r, "")
	if err != nil {
		t.Error(err)
	}
	return got
}

// What a slow store tells late does not take the place of what was fetched.
func TestAKeptSetThatComesLateIsNotServed(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("revoked", edKey())))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	i.change(serve(set(jwk("new", edKey()))))
	block := make(chan struct{})
	store.set(nil, block)
	c, _ := newCache(t, jwks.Options{Store: store, Now: clock.now})
	r := remote(t, c, cfg)
	wantKeys(t, r, "", "new")
	close(block)
	eventually(t, "the store answers", func() bool { return store.answers() == 2 }) // the first: to the earlier process
	c.Close()
	wantKeys(t, r, "", "new")
	if s := r.Status(); s.Restored || s.Stale {
		t.Errorf("Status = %+v", s)
	}
}

// Whoever is quicker: an issuer that is down, or the store.
func TestAFailedFetchDoesNotOvertakeASlowStore(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	failed := make(chan struct{})
	i.change(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		close(failed)
	})
	block := make(chan struct{})
	store.set(nil, block)
	c, events := newCache(t, jwks.Options{Store: store, Now: clock.now})
	r := remote(t, c, cfg)
	go func() {
		<-failed
		time.Sleep(50 * time.Millisecond) // until the failure is known
		close(block)
	}()
	wantKeys(t, r, "a", "a")
	events.await(t, func(e jwks.Event) bool { return e.Err != nil })
	if s := r.Status(); !s.Restored || !s.Stale || !strings.Contains(s.LastError, "503") {
		t.Errorf("Status = %+v", s)
	}
}

// At the end, what was fetched last is written, though the daemon is stopping.
func TestClosingWritesWhatWaits(t *testing.T) {
	i, store := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf()
	store.set(errors.New("not now"), nil)
	c, _ := newCache(t, jwks.Options{Store: store})
	wantKeys(t, remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()}), "", "a")
	store.set(nil, nil)
	c.Close()
	if kept := store.only(t); !strings.Contains(string(kept.Document), `"kid":"a"`) {
		t.Errorf("kept is %s", kept.Document)
	}
}

func TestWhatIsTooOldIsForgotten(t *testing.T) {
	i, store, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newShelf(), newClock()
	for n := range 3 {
		fetchedAndKept(t, store, clock, jwks.Config{URL: fmt.Sprint(i.URL, "/", n), CAPEM: i.ca()})
	}
	clock.pass(25 * time.Hour)
	fetchedAndKept(t, store, clock, jwks.Config{URL: i.URL + "/other", CAPEM: i.ca()})
	if kept := store.only(t); !kept.FetchedAt.Equal(clock.now()) {
		t.Errorf("kept is what was fetched %s, want %s", kept.FetchedAt, clock.now())
	}
}

func TestTheLargestSetIsKeptAndRestored(t *testing.T) {
	keys := make([]string, jwks.MaxKeys)
	for n := range keys {
		keys[n] = jwk(fmt.Sprintf("key-%03d", n), modulus(4096, 65537+2*n))
	}
	document := set(keys...)
	if len(document) > jwks.MaxBytes {
		t.Fatalf("it has %d bytes", len(document))
	}
	i, store, clock := newIssuer(t, serve(document)), newShelf(), newClock()
	cfg := jwks.Config{URL: i.URL, CAPEM: i.ca()}
	fetchedAndKept(t, store, clock, cfg)
	if kept := store.only(t); len(kept.Document) > jwks.MaxBytes {
		t.Errorf("kept are %d bytes", len(kept.Document))
	}
	i.change(status(500))
	c, _ := newCache(t, jwks.Options{Store: store, Now: clock.now})
	r := remote(t, c, cfg)
	s, err := r.Set(t.Context(), "key-499")
	if err != nil || len(s.Keys()) != jwks.MaxKeys || len(s.Candidates("key-499", "RS256")) != 1 {
		t.Errorf("restored are %d keys, %v", len(s.Keys()), err)
	}
}

// The kids grow by their escapes.
func TestASetThatIsTooLargeToBeKeptIsServedAllTheSame(t *testing.T) {
	var keys []string
	for n := range 12 {
		keys = append(keys, jwk(strings.Repeat("<", 80_000)+fmt.Sprint(n), edKey()))
	}
	document := strings.ReplaceAll(set(keys...), `\u003c`, "<")
	if len(document) > jwks.MaxBytes {
		t.Fatalf("it has %d bytes", len(document))
	}
	i, store := newIssuer(t, serve(document)), newShelf()
	var log lockedBuffer
	c, _ := newCache(t, jwks.Options{Store: store, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	s, err := r.Set(t.Context(), "")
	if err != nil || len(s.Keys()) != 12 {
		t.Fatalf("%d keys, %v", len(s.Keys()), err)
	}
	c.Close()
	if store.count() != 0 || !strings.Contains(log.String(), "larger than") || strings.Contains(log.String(), "<<<") {
		t.Errorf("kept %d times; the log is %s", store.count(), log.String())
	}
}

func TestASetThatGrowsTooOldIsToldOnce(t *testing.T) {
	i, clock := newIssuer(t, serve(set(jwk("a", edKey())))), newClock()
	var log lockedBuffer
	c, _ := newCache(t, jwks.Options{Now: clock.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "", "a")
	i.change(status(500))
	clock.pass(12 * time.Hour)
	wantKeys(t, r, "unknown", "a") // a fetch fails
	since := clock.now()
	clock.pass(time.Hour)
	wantKeys(t, r, "unknown", "a")
	if s := r.Status(); !s.Stale || !s.StaleSince.Equal(since) || s.Restored {
		t.Errorf("Status = %+v, want stale since %s", s, since)
	}
	clock.pass(12 * time.Hour)
	for range 3 {
		clock.pass(10 * time.Minute)
		if _, err := keysOf(t, r, ""); err == nil {
			t.Error("they are served")
		}
	}
	i.change(serve(set(jwk("b", edKey()))))
	clock.pass(10 * time.Minute)
	wantKeys(t, r, "", "b")
	c.Close()
	said := log.String()
	for _, once := range []string{"which may be out of date", "too old to be used", `"fetching keys works again"`} {
		if strings.Count(said, once) != 1 {
			t.Errorf("the log says %q %d times, want once:\n%s", once, strings.Count(said, once), said)
		}
	}
}

// Whatever a document holds: what is kept of it is the same keys, and nothing else.
func FuzzEncodedKeysAreTheSameKeys(f *testing.F) {
	f.Add([]byte(set(jwk("a", ecKey(elliptic.P256())), jwk("<b>\u2028", rsaKey(), "use", `"sig"`), jwk("", edKey(), "alg", `"EdDSA"`))))
	f.Add([]byte(set(jwk("\xff", ecKey(elliptic.P384())), `{"kty":"oct","k":"AAAA"}`)))
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, _, err := jwks.Decode(raw)
		if err != nil {
			return
		}
		encoded, err := jwks.Encode(keys)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) > jwks.MaxBytes {
			return
		}
		again, skipped, err := jwks.Decode(encoded)
		if err != nil || len(skipped) > 0 || len(again) != len(keys) {
			t.Fatalf("Decode = %d keys, %v, %v, want %d", len(again), skipped, err, len(keys))
		}
		for n, key := range again {
			if key.ID != keys[n].ID || key.Algorithm != keys[n].Algorithm || key.Thumbprint != keys[n].Thumbprint {
				t.Errorf("key %d is %+v, was %+v", n, key, keys[n])
			}
		}
	})
}
