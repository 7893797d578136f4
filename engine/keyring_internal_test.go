package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// epoch is when these rings begin.
var epoch = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// after is a moment.
func after(d time.Duration) time.Time { return epoch.Add(d) }

// ringRig is a storage of keys without any cryptography, and what is asked of
// them.
type ringRig struct {
	t      *testing.T
	rule   rotation
	users  []keyUser
	stored []StoredKey
	made   int
}

func newRingRig(t *testing.T, every time.Duration) *ringRig {
	return &ringRig{t: t, rule: rotation{"main", "ES256", every}, users: []keyUser{{"loki", "main", time.Hour}}}
}

// step does at a moment what compiling does, and keeps it.
func (r *ringRig) step(at time.Duration) *keyPlan {
	r.t.Helper()
	plan := newKeyPlan(cloneKeys(r.stored), after(at))
	plan.fresh = func(name, algorithm string, activates time.Time) (StoredKey, error) {
		r.made++
		return StoredKey{Name: name, ID: fmt.Sprintf("k%d", r.made), Algorithm: algorithm, CreatedAt: plan.now, ActivatesAt: activates}, nil
	}
	if err := plan.advance(r.rule); err != nil {
		r.t.Fatal(err)
	}
	plan.sign(r.users)
	plan.retire(r.users)
	r.stored = plan.stored()
	return plan
}

// told is what a plan makes of the keys: each by its ID, the signing one in
// capitals, those that will sign in brackets.
func told(plan *keyPlan) string {
	var all []string
	live := plan.live("main")
	for i, k := range live {
		if i == 0 {
			all = append(all, strings.ToUpper(k.ID))
		} else {
			all = append(all, "("+k.ID+")")
		}
	}
	for _, k := range plan.keys {
		if !k.SupersededAt.IsZero() {
			all = append(all, k.ID)
		}
	}
	return strings.Join(all, " ")
}

const day = 24 * time.Hour

func TestKeysFollowEachOther(t *testing.T) {
	r := newRingRig(t, 10*day)
	for _, tt := range []struct {
		at   time.Duration
		want string
		next time.Duration // 0: none but those that wait to sign
	}{
		{0, "K1", 10*day - time.Hour},
		{time.Minute, "K1", 10*day - time.Hour},
		{10*day - time.Hour - 1, "K1", 10*day - time.Hour},
		{10*day - time.Hour, "K1 (k2)", 0}, // published an hour before it signs
		{10*day - 1, "K1 (k2)", 0},
		{10 * day, "K2 k1", 10*day + time.Hour + time.Minute},
		{10*day + time.Hour, "K2 k1", 10*day + time.Hour + time.Minute}, // its last token has expired
		{10*day + time.Hour + time.Minute - 1, "K2 k1", 10*day + time.Hour + time.Minute},
		{10*day + time.Hour + time.Minute, "K2", 20*day - time.Hour}, // and a margin
		{20*day - time.Hour, "K2 (k3)", 0},
		{35 * day, "K3 (k4) k2", 35*day + time.Hour + time.Minute}, // the daemon was down
		{36 * day, "K4 k3", 36*day + time.Hour + time.Minute},
		{37 * day, "K4", 45 * day}, // ten days after it was to sign, and an hour before that
	} {
		plan := r.step(tt.at)
		if got := told(plan); got != tt.want {
			t.Errorf("at %s: %s, want %s", tt.at, got, tt.want)
		}
		next, want := plan.next([]rotation{r.rule}), time.Time{}
		if tt.next > 0 {
			want = after(tt.next)
		}
		if !next.Equal(want) {
			t.Errorf("at %s: the next change is at %s, want %s", tt.at, next.Sub(epoch), tt.next)
		}
	}
}

func TestARotationPublishesBeforeItSigns(t *testing.T) {
	for _, tt := range []struct{ every, lead, caching time.Duration }{
		{0, time.Hour, 5 * time.Minute},
		{720 * time.Hour, time.Hour, 5 * time.Minute},
		{2 * time.Hour, time.Hour, 5 * time.Minute},
		{time.Hour, 30 * time.Minute, 5 * time.Minute},
		{15 * time.Minute, 450 * time.Second, 225 * time.Second},
		{time.Minute, 30 * time.Second, 15 * time.Second},
		{10 * time.Second, 5 * time.Second, 2 * time.Second}, // whole seconds
		{2 * time.Second, time.Second, time.Second},
	} {
		r := rotation{every: tt.every}
		if r.lead() != tt.lead || r.caching() != tt.caching {
			t.Errorf("every %s: lead %s, caching %s, want %s and %s", tt.every, r.lead(), r.caching(), tt.lead, tt.caching)
		}
		if r.caching() > r.lead() {
			t.Errorf("every %s: a key signs before everybody can know it", tt.every)
		}
	}
}

func TestWhoSignsIsNotForTheClockToSay(t *testing.T) {
	r := newRingRig(t, 10*day)
	for _, at := range []time.Duration{0, 10*day - time.Hour, 10 * day} {
		r.step(at)
	}
	before := fmt.Sprint(r.stored)
	for _, at := range []time.Duration{10*day - time.Minute, day, 0, -1000 * day} {
		if got := told(r.step(at)); got != "K2 k1" {
			t.Errorf("with the clock at %s: %s, want k2 to sign on", at, got)
		}
	}
	if fmt.Sprint(r.stored) != before {
		t.Error("storage was changed")
	}
	r.step(11 * day) // k1 is gone
	if got := told(r.step(time.Hour)); got != "K2" {
		t.Errorf("after the first key has gone, with the clock back: %s", got)
	}
}

func TestAKeyThatIsMadeWithAClockThatWasPutBackSignsAfterTheOneBefore(t *testing.T) {
	r := newRingRig(t, 0)
	r.step(100 * day)
	plan := newKeyPlan(cloneKeys(r.stored), epoch)
	plan.fresh = func(name, algorithm string, activates time.Time) (StoredKey, error) {
		return StoredKey{Name: name, ID: "k2", Algorithm: algorithm, CreatedAt: plan.now, ActivatesAt: activates}, nil
	}
	if _, err := plan.rotate(r.rule, false); err != nil {
		t.Fatal(err)
	}
	if got := told(plan); got != "K1 (k2)" {
		t.Errorf("%s, want k1 to sign on", got)
	}
	r.stored = plan.stored()
	if got := told(r.step(time.Hour)); got != "K2 k1" {
		t.Errorf("an hour later: %s", got)
	}
}

func TestKeysThatAreToSignAtOneMomentHaveOneOrder(t *testing.T) {
	twins := []StoredKey{
		{Name: "main", ID: "b", Algorithm: "ES256", CreatedAt: epoch, ActivatesAt: epoch},
		{Name: "main", ID: "a", Algorithm: "ES256", CreatedAt: epoch, ActivatesAt: epoch},
		{Name: "main", ID: "c", Algorithm: "ES256", CreatedAt: epoch, ActivatesAt: epoch},
	}
	for range 6 {
		r := newRingRig(t, 0)
		r.stored = cloneKeys(twins)
		if got := told(r.step(0)); got != "C" {
			t.Errorf("from %v: %s, want c to sign", twins, got)
		}
		twins[0], twins[1], twins[2] = twins[1], twins[2], twins[0]
		slices.SortStableFunc(twins[:2], func(a, b StoredKey) int { return strings.Compare(b.ID, a.ID) })
	}
}

func TestAnotherAlgorithmIsARotation(t *testing.T) {
	r := newRingRig(t, 0)
	r.step(0)
	want := func(at time.Duration, keys string) {
		t.Helper()
		if got := told(r.step(at)); got != keys {
			t.Errorf("at %s: %s, want %s", at, got, keys)
		}
	}
	r.rule.algorithm = "ES384"
	want(day, "K1 (k2)")
	want(day+time.Hour-1, "K1 (k2)")
	r.rule.algorithm = "ES256" // it was a mistake
	want(day+time.Hour-1, "K1")
	r.rule.algorithm = "EdDSA"
	want(2*day, "K1 (k3)")
	want(2*day+time.Hour, "K3 k1")
	r.rule.algorithm = "ES256" // k1 has signed, and does not again
	want(2*day+time.Hour+time.Second, "K3 (k4) k1")
	want(2*day+2*time.Hour+time.Minute, "K4 k3") // k1's hour and its margin are over
}

func TestAKeyIsKeptForTheLongestTokenThatItSigned(t *testing.T) {
	r := newRingRig(t, 10*day)
	r.step(0)
	r.users[0].longest = 5 * time.Hour
	r.step(day)
	r.users[0].longest = time.Minute // tokens of five hours are out there
	r.step(2 * day)
	r.step(10*day - time.Hour)
	r.step(10 * day)
	if got := told(r.step(10*day + 5*time.Hour)); got != "K2 k1" {
		t.Errorf("while a token of five hours may be valid: %s", got)
	}
	if got := told(r.step(10*day + 5*time.Hour + time.Minute)); got != "K2" {
		t.Errorf("after that: %s", got)
	}
}

func TestWhoIsPointedElsewhereStillTakesTheTokensOfTheKeyBefore(t *testing.T) {
	r := newRingRig(t, 0)
	used := func(plan *keyPlan, provider string) string {
		var ids []string
		for _, k := range plan.usedBy(provider, "other") {
			ids = append(ids, k.ID)
		}
		return strings.Join(ids, " ")
	}
	r.step(0)
	r.users = []keyUser{{"loki", "other", time.Hour}, {"mimir", "main", 2 * time.Hour}}
	plan := r.step(day)
	if used(plan, "loki") != "k1" || used(plan, "mimir") != "k1" || used(plan, "tempo") != "" {
		t.Errorf("loki: %s, mimir: %s, tempo: %s", used(plan, "loki"), used(plan, "mimir"), used(plan, "tempo"))
	}
	if next := plan.next([]rotation{r.rule}); !next.Equal(after(day + time.Hour + time.Minute)) {
		t.Errorf("the next change is at %s", next.Sub(epoch))
	}
	plan = r.step(day + time.Hour + time.Minute)
	if used(plan, "loki") != "" || used(plan, "mimir") != "k1" || told(plan) != "K1" {
		t.Errorf("later: loki: %s, mimir: %s, keys %s", used(plan, "loki"), used(plan, "mimir"), told(plan))
	}
	r.users = []keyUser{{"loki", "main", time.Hour}} // back again
	plan = r.step(2 * day)
	if used(plan, "loki") != "k1" || used(plan, "mimir") != "k1" {
		t.Errorf("back again: loki: %s, mimir: %s", used(plan, "loki"), used(plan, "mimir"))
	}
}

// What an older m2md kept says neither when its keys signed nor for whom.
func TestKeysOfTheFirstVersionVerifyForADayLonger(t *testing.T) {
	r := newRingRig(t, 0)
	unknown := []KeyUse{{Longest: time.Duration(MaxLifetime)}}
	r.stored = []StoredKey{
		{Name: "main", ID: "a", Algorithm: "ES384", CreatedAt: after(-2 * day), ActivatesAt: after(-2 * day), Uses: unknown},
		{Name: "main", ID: "b", Algorithm: "ES256", CreatedAt: after(-day), ActivatesAt: after(-day), Uses: slices.Clone(unknown)},
		{Name: "other", ID: "c", Algorithm: "ES256", CreatedAt: after(-day), ActivatesAt: after(-day), Uses: slices.Clone(unknown)},
	}
	plan := r.step(0)
	if got := told(plan); got != "B a" {
		t.Errorf("%s, want the newer one to sign", got)
	}
	var ids []string
	for _, k := range plan.usedBy("loki", "main") {
		ids = append(ids, k.ID)
	}
	if !slices.Equal(ids, []string{"b", "a"}) {
		t.Errorf("loki takes tokens of %v, want those of its own name alone", ids)
	}
	if got := told(r.step(day + time.Minute)); got != "B" {
		t.Errorf("a day later: %s", got)
	}

	r = newRingRig(t, 0)
	r.stored = []StoredKey{
		{Name: "main", ID: "a", Algorithm: "ES256", CreatedAt: after(-2 * day), ActivatesAt: after(-2 * day), Uses: slices.Clone(unknown)},
		{Name: "main", ID: "b", Algorithm: "ES384", CreatedAt: after(-day), ActivatesAt: after(-day), Uses: slices.Clone(unknown)},
	}
	if got := told(r.step(0)); got != "A b" {
		t.Errorf("where the files went back to the older algorithm: %s", got)
	}
}

func TestAnOperatorRotates(t *testing.T) {
	order := func(r *ringRig, at time.Duration, atOnce bool) string {
		t.Helper()
		plan := newKeyPlan(cloneKeys(r.stored), after(at))
		plan.fresh = func(name, algorithm string, activates time.Time) (StoredKey, error) {
			return StoredKey{Name: name, ID: "new", Algorithm: algorithm, CreatedAt: plan.now, ActivatesAt: activates}, nil
		}
		next, err := plan.rotate(r.rule, atOnce)
		if err != nil {
			t.Fatal(err)
		}
		r.stored = plan.stored()
		return fmt.Sprintf("%s: %s", next.ID, next.ActivatesAt.Sub(epoch))
	}
	tests := []struct {
		name   string
		before []time.Duration // steps
		at     time.Duration
		atOnce bool
		meant  string
		now    string // at that moment
		signs  time.Duration
		later  string
	}{
		{"the next key is not there", []time.Duration{0}, day, false, "new: 25h0m0s", "K1 (new)", day + time.Hour, "NEW k1"},
		{"the next key is there", []time.Duration{0, 10*day - time.Hour}, 10*day - time.Minute, false, "k2: 240h0m0s", "K1 (k2)", 10 * day, "K2 k1"},
		{"the next key is not there, at once", []time.Duration{0}, day, true, "new: 24h0m0s", "NEW k1", day, "NEW k1"},
		{"the next key is there, at once", []time.Duration{0, 10*day - time.Hour}, 10*day - time.Minute, true, "k2: 239h59m0s", "K2 k1", 10*day - time.Minute, "K2 k1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRingRig(t, 10*day)
			for _, at := range tt.before {
				r.step(at)
			}
			if got := order(r, tt.at, tt.atOnce); got != tt.meant {
				t.Errorf("the key is %s, want %s", got, tt.meant)
			}
			if got := told(r.step(tt.at)); got != tt.now {
				t.Errorf("then: %s, want %s", got, tt.now)
			}
			if got := told(r.step(tt.signs)); got != tt.later {
				t.Errorf("at %s: %s, want %s", tt.signs, got, tt.later)
			}
		})
	}
}

// A key published early, as when the clock or rotate_every was another, signs
// an hour after its publication.
func TestAnOperatorBringsTheNextKeyForward(t *testing.T) {
	r := newRingRig(t, 10*day)
	r.step(0)
	plan := newKeyPlan(cloneKeys(r.stored), epoch)
	plan.keys = append(plan.keys, &StoredKey{Name: "main", ID: "k2", Serial: 1, Algorithm: "ES256", CreatedAt: epoch, ActivatesAt: after(9 * day)})
	next, err := plan.rotate(r.rule, false)
	if err != nil || next.ID != "k2" || !next.ActivatesAt.Equal(after(time.Hour)) {
		t.Errorf("it signs from %s on (%v), want an hour after it was published", next.ActivatesAt.Sub(epoch), err)
	}
}

func TestADroppedKeyIsGoneAndTheNextOneSigns(t *testing.T) {
	tests := []struct {
		name   string
		before []time.Duration
		drop   string
		want   string
	}{
		{"the only one", []time.Duration{0}, "k1", "K2"},
		{"the one that signs", []time.Duration{0, 10*day - time.Hour}, "k1", "K2"},
		{"the next one", []time.Duration{0, 10*day - time.Hour}, "k2", "K1 (k3)"},
		{"an old one", []time.Duration{0, 10*day - time.Hour, 10 * day}, "k1", "K2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRingRig(t, 10*day)
			var at time.Duration
			for _, at = range tt.before {
				r.step(at)
			}
			plan := newKeyPlan(cloneKeys(r.stored), after(at))
			if dropped, err := plan.drop(tt.drop); err != nil || dropped.ID != tt.drop || !slices.Equal(plan.removed, []string{tt.drop}) {
				t.Fatalf("dropped %v, %v, removed %v", dropped, err, plan.removed)
			}
			r.stored = plan.stored()
			if got := told(r.step(at)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if _, err := plan.drop(tt.drop); err == nil {
				t.Error("it was dropped twice")
			}
		})
	}
}

// A key that was slow to be published is slow to sign.
func TestAKeySignsOnceNobodyCanHaveASetWithoutIt(t *testing.T) {
	serving := func(caching time.Duration, kids ...string) *provider {
		p := &provider{caching: caching, verifies: map[string]jwks.Key{}}
		for _, kid := range kids {
			p.verifies[kid] = jwks.Key{}
		}
		return p
	}
	known := func(p *PublishedKeys, kid string, providers ...string) string {
		switch at := p.knownFrom(kid, providers); at {
		case time.Time{}:
			return "since ever"
		case notYetPublished:
			return "not yet"
		default:
			return at.Sub(epoch).String()
		}
	}
	var published PublishedKeys
	for _, tt := range []struct {
		name  string
		at    time.Duration
		serve map[string]*provider
		want  map[string]string // by kid, for loki
	}{
		{"before anything is served", 0, nil, map[string]string{"a": "since ever"}},
		{"the first set of a process", 0, map[string]*provider{"loki": serving(5*time.Minute, "a", "b")}, map[string]string{"a": "since ever", "b": "since ever", "c": "not yet"}},
		{"another key", time.Hour, map[string]*provider{"loki": serving(time.Second, "a", "b", "c")}, map[string]string{"a": "since ever", "c": "1h5m0s"}},
		{"a set that changes nothing", time.Hour + time.Minute, map[string]*provider{"loki": serving(time.Second, "a", "b", "c")}, map[string]string{"c": "1h5m0s"}},
		{"a key after sets that are kept for a second", 2 * time.Hour, map[string]*provider{"loki": serving(time.Minute, "c", "d")}, map[string]string{"a": "not yet", "c": "1h5m0s", "d": "2h0m1s"}},
	} {
		if tt.serve != nil {
			published.serve(tt.serve, after(tt.at))
		}
		for kid, want := range tt.want {
			if got := known(&published, kid, "loki"); got != want {
				t.Errorf("%s: %s is known %s, want %s", tt.name, kid, got, want)
			}
		}
	}
	if got := known(&published, "d", "tempo", "loki"); got != "2h0m1s" {
		t.Errorf("for somebody new and loki: %s", got)
	}

	r := newRingRig(t, 10*day)
	r.step(0)
	r.step(10*day - time.Hour)
	plan := newKeyPlan(cloneKeys(r.stored), after(11*day))
	plan.known = func(*StoredKey) bool { return false }
	plan.promote("main")
	if got := told(plan); got != "K1 (k2)" {
		t.Errorf("a key that not everybody can know signs: %s", got)
	}
}
