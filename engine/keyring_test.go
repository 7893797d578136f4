package engine_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// flaky is a storage in memory whose writes of signing keys can be made to fail.
type flaky struct {
	*memory.Store
	writes int
	fails  func(write int) bool // counted from 1
}

var errFull = errors.New("the disk is full")

func (f *flaky) ChangeSigningKeys(ctx context.Context, put []engine.StoredKey, drop []string) error {
	f.writes++
	if f.fails != nil && f.fails(f.writes) {
		return errFull
	}
	return f.Store.ChangeSigningKeys(ctx, put, drop)
}

// keyLife is a daemon whose keys rotate; everybody who verifies its tokens by a
// key set that they keep for as long as they may; and all tokens that it issued.
type keyLife struct {
	t        *testing.T
	d        *enginetest.Daemon
	store    *flaky
	spec     engine.Spec
	password string
	tokens   []issuedToken
	sets     []keptSet
	signers  []string // kids, in their order
	failures int
	failing  bool // the last change did
}

type issuedToken struct {
	raw, kid string
	expiry   time.Time
}

// keptSet is a key set that somebody may still go by.
type keptSet struct {
	kids  []string
	until time.Time
}

// rotating is a configuration of provider p, whose key rotates.
func rotating(every time.Duration, lifetime engine.Lifetime) engine.Spec {
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5, "rotate_every"), RotateEvery: every}}
	spec.Providers[0].AccessTokenTTL = lifetime
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 3)}
	return spec
}

func newKeyLife(t *testing.T, spec engine.Spec) *keyLife {
	t.Helper()
	l := &keyLife{t: t, store: &flaky{Store: memory.New()}, spec: spec}
	l.d = enginetest.NewDaemon(t, enginetest.Parts{Store: l.store, Policies: scripting.New(scripting.Options{Deadline: 5 * time.Second})})
	l.d.Serve(t, spec)
	l.password = l.d.Password(t, "ci", nil)
	l.live()
	return l
}

// restart has another process serve the same files from the same storage.
func (l *keyLife) restart() {
	l.d.Deps.Published = &engine.PublishedKeys{}
	l.compile()
}

// compile does what the daemon does when keys are to change: what fails leaves
// in service what served.
func (l *keyLife) compile() {
	l.t.Helper()
	next, found := l.d.Compile(l.spec)
	if next == nil && !strings.Contains(explain(found), errFull.Error()) {
		l.t.Fatalf("compiling: %s", explain(found))
	}
	if l.failing = next == nil || next.KeyFailure() != nil; l.failing {
		l.failures++
		return
	}
	l.d.Live.Swap(next)
	next.Adopt()
}

// live lets a moment pass: what is due is done, a token is issued, and every
// token and every key set that still counts is tried.
func (l *keyLife) live() {
	l.t.Helper()
	now := l.d.Clock.Now()
	if next := l.d.Live.Load().NextKeyChange(); !next.IsZero() && !next.After(now) {
		l.compile()
	}
	kids, _ := published(l.t, l.d.Live.Load(), "p")
	metadata, _ := l.d.Live.Load().Metadata("p")
	l.sets = append(l.sets, keptSet{kids, now.Add(metadata.Caching)})
	l.sets = slices.DeleteFunc(l.sets, func(s keptSet) bool { return s.until.Before(now) })
	// Within the last second, it may expire between two looks at the clock.
	l.tokens = slices.DeleteFunc(l.tokens, func(t issuedToken) bool { return t.expiry.Before(now.Add(time.Second)) })
	l.issue()
	last := l.tokens[len(l.tokens)-1]
	for _, set := range l.sets {
		if !slices.Contains(set.kids, last.kid) {
			l.t.Errorf("at %s: key %s signs, and whoever keeps the set until %s cannot know it", now, last.kid, set.until)
		}
	}
	for _, token := range l.tokens {
		if !slices.Contains(kids, token.kid) {
			l.t.Errorf("at %s: key %s is published no more, and a token of it is valid until %s", now, token.kid, token.expiry)
		}
		if err := l.knock(token.raw); err != nil {
			l.t.Errorf("at %s: a token that is valid until %s is refused: %s", now, token.expiry, err)
		}
	}
}

func (l *keyLife) issue() {
	l.t.Helper()
	token, err := l.d.Live.Load().Token(l.t.Context(), engine.Caller{HTTP: engine.PolicyHTTP{Door: "token"}}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: l.password},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	expiry := l.d.Audit.Last(l.t).Time.Truncate(time.Second).Add(time.Duration(token.ExpiresIn) * time.Second)
	one := issuedToken{token.AccessToken, kidOf(l.t, token.AccessToken), expiry}
	l.tokens = append(l.tokens, one)
	if len(l.signers) == 0 || l.signers[len(l.signers)-1] != one.kid {
		if slices.Contains(l.signers, one.kid) {
			l.t.Errorf("key %s signs again", one.kid)
		}
		l.signers = append(l.signers, one.kid)
	}
}

// knock shows a token at the door.
func (l *keyLife) knock(token string) error {
	_, err := l.d.Live.Load().Guard(l.t.Context(), engine.Caller{HTTP: engine.PolicyHTTP{Door: "forward_auth"}}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token}})
	return err
}

func kidOf(t testing.TB, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(raw, &header); err != nil || header.Kid == "" {
		t.Fatalf("the header is %s, %v", raw, err)
	}
	return header.Kid
}

// advance goes on to the next change of keys, a moment before it and a moment
// after, or by most where that is not sooner.
func (l *keyLife) advance(most time.Duration) {
	l.t.Helper()
	const moment = 10 * time.Millisecond
	step := most
	if l.failing {
		step = min(most, time.Minute) // and tried again
	} else if next := l.d.Live.Load().NextKeyChange(); !next.IsZero() {
		if left := next.Sub(l.d.Clock.Now()); left < most {
			step = max(left, 0)
			if step > 2*moment {
				l.d.Clock.Advance(step - moment)
				l.live()
				step = moment
			}
		}
	}
	l.d.Clock.Advance(step + moment)
	l.live()
}

func TestRotationsLoseNobodyAToken(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := []struct {
		name     string
		every    time.Duration
		lifetime engine.Lifetime
		over     time.Duration
		step     time.Duration
		restarts bool // between any two steps
		signers  int
		most     int // keys in storage
	}{
		{"a year", 720 * time.Hour, engine.Lifetime(24 * time.Hour), year, 12 * time.Hour, false, 13, 2},
		{"a year with a restart between any two steps", 720 * time.Hour, engine.Lifetime(24 * time.Hour), year, 12 * time.Hour, true, 13, 2},
		{"rotations of ten seconds", 10 * time.Second, engine.Lifetime(20 * time.Second), 5 * time.Minute, 5 * time.Second, false, 29, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newKeyLife(t, rotating(tt.every, tt.lifetime))
			begin := l.d.Clock.Now()
			for l.d.Clock.Now().Before(begin.Add(tt.over)) {
				if l.advance(tt.step); tt.restarts {
					l.restart()
				}
				stored, err := l.store.SigningKeys(t.Context())
				if err != nil || len(stored) == 0 || len(stored) > tt.most {
					t.Fatalf("%d keys are kept (%v), want at most %d", len(stored), err, tt.most)
				}
			}
			if len(l.signers) < tt.signers {
				t.Errorf("%d keys signed, want %d or more", len(l.signers), tt.signers)
			}
			t.Logf("%d keys signed, %d writes", len(l.signers), l.store.writes)
		})
	}
}

// A machine that sleeps, or a daemon that is down, for longer than keys sign.
func TestRotationsThatWereSleptThroughLoseNobodyAToken(t *testing.T) {
	l := newKeyLife(t, rotating(time.Hour, engine.Lifetime(time.Hour)))
	for i, asleep := range []time.Duration{10 * time.Minute, 31 * time.Minute, 90 * time.Minute, time.Second, 50 * time.Hour, 29 * time.Minute, 1000 * time.Hour, 61 * time.Minute} {
		l.d.Clock.Advance(asleep)
		if i%2 == 0 {
			l.live() // as before
		} else {
			l.restart()
			l.live()
		}
	}
	if len(l.signers) < 4 {
		t.Errorf("%d keys signed", len(l.signers))
	}
}

// Whichever write fails, and for however long, the keys that are there go on.
func TestAStorageThatFailsLosesNobodyAToken(t *testing.T) {
	const every = 2 * time.Hour
	run := func(t *testing.T, fails func(int) bool) *keyLife {
		l := newKeyLife(t, rotating(every, engine.Lifetime(time.Hour)))
		l.store.fails = fails
		begin := l.d.Clock.Now()
		for l.d.Clock.Now().Before(begin.Add(4 * every)) {
			l.advance(20 * time.Minute)
		}
		return l
	}
	whole := run(t, nil)
	if whole.store.writes < 10 || whole.failures > 0 {
		t.Fatalf("%d writes and %d failures, which proves little", whole.store.writes, whole.failures)
	}
	for first := 2; first <= whole.store.writes-2; first++ { // without the first one, nothing is served
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d from the %dth on", n, first), func(t *testing.T) {
				l := run(t, func(write int) bool { return write >= first && write < first+n })
				if l.failures != n {
					t.Errorf("%d failures, want %d", l.failures, n)
				}
				if len(l.signers) < 3 {
					t.Errorf("%d keys signed", len(l.signers))
				}
			})
		}
	}
	t.Run("for good", func(t *testing.T) {
		l := run(t, func(write int) bool { return write > 1 })
		if len(l.signers) != 1 || l.failures == 0 {
			t.Errorf("%d keys signed over %d failures, want the first to go on", len(l.signers), l.failures)
		}
		before := l.failures
		if l.restart(); l.failures != before+1 {
			t.Errorf("a restart did not meet the failure")
		}
		if l.live(); t.Failed() {
			t.Error("after a restart with the storage failing")
		}
	})
}

// A start does not need the storage to be writable, where nothing has to be
// written: a full disk must not end the service.
func TestAStartWithAFullStorageGoesOnWithTheKeysThatAreThere(t *testing.T) {
	l := newKeyLife(t, rotating(2*time.Hour, engine.Lifetime(time.Hour)))
	l.store.fails = func(int) bool { return true }
	l.d.Clock.Advance(3 * time.Hour) // a rotation is due
	next, found := l.d.Compile(l.spec)
	if next == nil {
		t.Fatalf("refused: %s", explain(found))
	}
	if !errors.Is(next.KeyFailure(), errFull) || len(next.KeyChanges()) != 0 {
		t.Errorf("KeyFailure = %v, KeyChanges = %v", next.KeyFailure(), next.KeyChanges())
	}
	l.d.Live.Swap(next)
	next.Adopt()
	l.issue()
	if len(l.signers) != 1 {
		t.Errorf("%v signed", l.signers)
	}
	// Whom a key signs for is written before it does: else nobody would know how
	// long its tokens live.
	for name, change := range map[string]func(*engine.Spec){
		"tokens that live longer": func(s *engine.Spec) { s.Providers[0].AccessTokenTTL = engine.Lifetime(2 * time.Hour) },
		"another provider": func(s *engine.Spec) {
			s.Providers = append(s.Providers, engine.Provider{Decl: enginetest.Declare("q", 50), Accesses: s.Providers[0].Accesses})
		},
		"another key": func(s *engine.Spec) {
			s.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("other", 5)}}
		},
	} {
		spec := rotating(2*time.Hour, engine.Lifetime(time.Hour))
		change(&spec)
		if e, found := l.d.Compile(spec); e != nil || !strings.Contains(explain(found), "a signing key cannot be kept") || !strings.Contains(explain(found), errFull.Error()) {
			t.Errorf("%s: compiled %t, told %s", name, e != nil, explain(found))
		}
	}
	spec := rotating(0, engine.Lifetime(time.Minute)) // what is less need not be written
	if e, found := l.d.Compile(spec); e == nil {
		t.Errorf("shorter tokens are refused: %s", explain(found))
	}
}

func TestAClockThatIsPutBackHasNoOldKeySign(t *testing.T) {
	l := newKeyLife(t, rotating(2*time.Hour, engine.Lifetime(time.Hour)))
	for len(l.signers) < 4 {
		l.advance(10 * time.Minute)
	}
	last := l.signers[3]
	l.tokens, l.sets = nil, nil // by the clock, they are of the future now
	for _, back := range []time.Duration{time.Minute, 3 * time.Hour, 1000 * time.Hour} {
		l.d.Clock.Advance(-back)
		l.restart()
		l.issue() // which tells a key that signs again
		if got := l.tokens[len(l.tokens)-1].kid; got != last {
			t.Errorf("put back by %s, key %s signs, want %s", back, got, last)
		}
	}
}

func TestAProviderThatIsPointedToAnotherKeyTakesTheTokensOfTheOneBefore(t *testing.T) {
	own := enginetest.NewKey(t, "", "ES256")
	kept := func(label string) []engine.SigningKey {
		return []engine.SigningKey{{Decl: enginetest.Declare(label, 5)}}
	}
	brought := []engine.SigningKey{{Decl: enginetest.Declare("main", 5, "private_key"), PrivateKey: engine.File{Content: pkcs8(t, own.Private)}}}
	for name, keys := range map[string][]engine.SigningKey{"another kept key": kept("other"), "no block": nil, "a key that is brought along": brought} {
		t.Run(name, func(t *testing.T) {
			l := newKeyLife(t, rotating(0, engine.Lifetime(time.Hour)))
			before := l.tokens[0]
			l.spec.SigningKeys = keys
			l.compile()
			l.sets = nil // whoever keeps one, fetches again for a kid that is not in it
			l.live()
			if len(l.signers) != 2 {
				t.Fatalf("%v signed", l.signers)
			}
			l.restart()
			l.live()
			l.d.Clock.Advance(59 * time.Minute)
			l.live()
			l.advance(3 * time.Minute)
			l.advance(3 * time.Minute)
			if kids, _ := published(t, l.d.Live.Load(), "p"); slices.Contains(kids, before.kid) {
				t.Errorf("the key before is published for ever: %v", kids)
			}
			if err := l.knock(before.raw); err == nil {
				t.Error("a token that has expired is taken")
			}
			l.spec.SigningKeys = kept("main")
			l.compile()
			if kids, _ := published(t, l.d.Live.Load(), "p"); kids[0] != before.kid {
				t.Errorf("declared again, %v signs, want %s", kids[0], before.kid)
			}
		})
	}
}

// A provider takes the tokens of keys that signed for it, and of no others.
func TestAKeyThatNeverSignedForAProviderDoesNotVerifyForIt(t *testing.T) {
	spec := rotating(0, engine.Lifetime(time.Hour))
	spec.SigningKeys = append(spec.SigningKeys, engine.SigningKey{Decl: enginetest.Declare("other", 6)})
	spec.Providers[0].SigningKey = &engine.Ref{Kind: engine.KindSigningKey, Label: "main"}
	spec.Providers = append(spec.Providers, engine.Provider{
		Decl: enginetest.Declare("q", 50), SigningKey: &engine.Ref{Kind: engine.KindSigningKey, Label: "other"}, Accesses: spec.Providers[0].Accesses,
	})
	e := newDaemon(t).Serve(t, spec)
	p, _ := published(t, e, "p")
	q, _ := published(t, e, "q")
	if len(p) != 1 || len(q) != 1 || p[0] == q[0] {
		t.Errorf("p publishes %v, q %v", p, q)
	}
}

func TestAnotherAlgorithmSignsOnceEverybodyCanKnowItsKey(t *testing.T) {
	l := newKeyLife(t, rotating(0, engine.Lifetime(time.Hour)))
	l.spec.SigningKeys[0].Algorithm = "EdDSA"
	next, found := l.d.Compile(l.spec)
	if next == nil || len(found) != 1 || found[0].Severity != engine.Note || !strings.Contains(found[0].Summary, `"main" still signs with ES256`) {
		t.Fatalf("told %s", explain(found))
	}
	l.d.Live.Swap(next)
	next.Adopt()
	l.live()
	if _, algorithms := published(t, next, "p"); !slices.Equal(algorithms, []string{"ES256", "EdDSA"}) {
		t.Errorf("published for %v", algorithms)
	}
	if metadata, _ := next.Metadata("p"); !strings.Contains(string(metadata.Discovery), `"id_token_signing_alg_values_supported":["ES256","EdDSA"]`) {
		t.Errorf("announced: %s", metadata.Discovery)
	}
	for range 10 {
		l.advance(10 * time.Minute)
	}
	if _, algorithms := published(t, l.d.Live.Load(), "p"); algorithms[0] != "EdDSA" || len(l.signers) != 2 {
		t.Errorf("after an hour: %v, signed %v", algorithms, l.signers)
	}
}

func TestAnOperatorsOrderIsInForceWithTheNextGeneration(t *testing.T) {
	order := func(l *keyLife, order engine.KeyOrder) engine.KeyInfo {
		t.Helper()
		info, err := engine.OrderKeys(t.Context(), l.store, l.d.Deps.Random, l.d.Clock.Now(), l.d.Live.Load(), order)
		if err != nil {
			t.Fatal(err)
		}
		l.compile()
		return info
	}
	l := newKeyLife(t, rotating(0, engine.Lifetime(time.Hour)))

	next := order(l, engine.KeyOrder{Rotate: true, Name: "main"})
	l.live()
	if kids, _ := published(t, l.d.Live.Load(), "p"); !slices.Equal(kids, []string{l.signers[0], next.ID}) || next.State != engine.KeyNext {
		t.Errorf("published %v, and %+v comes next", kids, next)
	}
	for range 7 {
		l.advance(10 * time.Minute)
	}
	if len(l.signers) != 2 || l.signers[1] != next.ID {
		t.Errorf("signed %v, want %s", l.signers, next.ID)
	}

	now := order(l, engine.KeyOrder{Rotate: true, Name: "main", AtOnce: true})
	l.sets = nil
	l.live()
	if len(l.signers) != 3 || l.signers[2] != now.ID || now.State != engine.KeySigning {
		t.Errorf("signed %v, want %s at once", l.signers, now.ID)
	}

	stolen := l.tokens[len(l.tokens)-1].raw
	if err := l.knock(stolen); err != nil {
		t.Fatal(err)
	}
	if dropped := order(l, engine.KeyOrder{Drop: now.ID}); dropped.ID != now.ID {
		t.Errorf("dropped %+v", dropped)
	}
	if err := l.knock(stolen); err == nil {
		t.Error("a token of a dropped key is taken")
	}
	if kids, _ := published(t, l.d.Live.Load(), "p"); slices.Contains(kids, now.ID) {
		t.Errorf("a dropped key is published: %v", kids)
	}
	l.tokens, l.sets = slices.DeleteFunc(l.tokens, func(token issuedToken) bool { return token.kid == now.ID }), nil
	if l.live(); len(l.signers) != 4 {
		t.Errorf("signed %v, want another key", l.signers)
	}
	for _, bad := range []engine.KeyOrder{{Rotate: true, Name: "other"}, {Drop: now.ID}, {Drop: "x"}} {
		if _, err := engine.OrderKeys(t.Context(), l.store, l.d.Deps.Random, l.d.Clock.Now(), l.d.Live.Load(), bad); !errors.Is(err, engine.ErrNoSuchKey) {
			t.Errorf("%+v: %v, want ErrNoSuchKey", bad, err)
		}
	}
}

// What is told of keys says what each does, and nothing that is private.
func TestWhatIsToldOfKeys(t *testing.T) {
	l := newKeyLife(t, rotating(2*time.Hour, engine.Lifetime(time.Hour)))
	for len(l.signers) < 2 {
		l.advance(10 * time.Minute)
	}
	own := enginetest.NewKey(t, "", "EdDSA")
	l.spec.SigningKeys = append(l.spec.SigningKeys, engine.SigningKey{
		Decl:       enginetest.Declare("own", 6, "private_key", "also_publish"),
		PrivateKey: engine.File{Content: pkcs8(t, own.Private)}, AlsoPublish: engine.File{Content: engine.Secret(enginetest.NewKey(t, "", "ES384").PublicPEM())},
	})
	l.spec.SigningKeys = append(l.spec.SigningKeys, engine.SigningKey{Decl: enginetest.Declare("spare", 7)})
	l.spec.Providers[0].SigningKey = &engine.Ref{Kind: engine.KindSigningKey, Label: "main"}
	l.compile()
	states := func() string {
		var all []string
		for _, info := range l.d.Live.Load().Keys() {
			all = append(all, fmt.Sprintf("%s %s %s %t %v", info.Name, info.Algorithm, info.State, info.Kept, info.Providers))
			if _, private := info.Public.Public.(crypto.Signer); private || info.ID != info.Public.ID || info.Public.Public == nil {
				t.Errorf("the public part of %+v is private, or another's", info)
			}
		}
		return strings.Join(all, "\n")
	}
	if got, want := states(), `own EdDSA signing false []
own  published false []
main ES256 signing true [p]
main ES256 retiring true [p]
spare ES256 signing true []`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, info := range l.d.Live.Load().Keys() {
		if info.State == engine.KeyRetiring && !info.EndsAt.Equal(info.SupersededAt.Add(time.Hour+time.Minute)) {
			t.Errorf("superseded at %s, it ends at %s", info.SupersededAt, info.EndsAt)
		}
	}
	l.spec.SigningKeys = l.spec.SigningKeys[1:2]
	l.spec.Providers[0].SigningKey = nil
	l.compile()
	if got := states(); !strings.Contains(got, "spare ES256 unused true []") || !strings.Contains(got, "main ES256 unused true [p]") {
		t.Errorf("without their blocks:\n%s", got)
	}
}
