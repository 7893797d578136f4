package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An app password's borders, to the nanosecond and to the address.
func TestAnAppPasswordEndsAtItsTimeAndWhereItIsNotAllowed(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	networks := func(all ...string) (parsed []netip.Prefix) {
		for _, one := range all {
			parsed = append(parsed, netip.MustParsePrefix(one))
		}
		return parsed
	}
	const inside = "10.1.2.3"
	tests := []struct {
		allowed []netip.Prefix // of the account
		record  AppPassword
		from    string // "" for an address that is not known
		ok      bool
	}{
		{nil, AppPassword{CreatedAt: now}, inside, true},
		{nil, AppPassword{CreatedAt: now}, "", true},
		{nil, AppPassword{CreatedAt: now.Add(-time.Hour + 1)}, inside, true},
		{nil, AppPassword{CreatedAt: now.Add(-time.Hour)}, inside, false},
		{nil, AppPassword{CreatedAt: now, ExpiresAt: now.Add(1)}, inside, true},
		{nil, AppPassword{CreatedAt: now, ExpiresAt: now}, inside, false},
		{nil, AppPassword{CreatedAt: now, RevokedAt: now.Add(time.Hour)}, inside, false}, // revoked is revoked
		{networks("10.0.0.0/8"), AppPassword{CreatedAt: now}, inside, true},
		{networks("10.0.0.0/8"), AppPassword{CreatedAt: now}, "11.0.0.0", false},
		{networks("10.0.0.0/8"), AppPassword{CreatedAt: now}, "", false},
		{networks("10.0.0.0/8"), AppPassword{CreatedAt: now}, "2001:db8::1", false},
		{networks("10.0.0.0/8", "2001:db8::/32"), AppPassword{CreatedAt: now}, "2001:db8::1", true},
		{nil, AppPassword{CreatedAt: now, Limits: AppPasswordLimits{CIDRs: networks("10.1.2.3/32")}}, inside, true},
		{nil, AppPassword{CreatedAt: now, Limits: AppPasswordLimits{CIDRs: networks("10.1.2.3/32")}}, "10.1.2.4", false},
		{nil, AppPassword{CreatedAt: now, Limits: AppPasswordLimits{CIDRs: networks("0.0.0.0/0")}}, "", false},
		// Both must hold: neither widens the other.
		{networks("10.0.0.0/8"), AppPassword{CreatedAt: now, Limits: AppPasswordLimits{CIDRs: networks("0.0.0.0/0")}}, "11.0.0.0", false},
		{networks("0.0.0.0/0"), AppPassword{CreatedAt: now, Limits: AppPasswordLimits{CIDRs: networks("10.0.0.0/8")}}, "11.0.0.0", false},
		{nil, AppPassword{CreatedAt: now, Limits: AppPasswordLimits{Providers: []string{"loki", "mimir"}}}, inside, true},
		{nil, AppPassword{CreatedAt: now, Limits: AppPasswordLimits{Providers: []string{"mimir"}}}, inside, false},
	}
	for _, tt := range tests {
		a := &account{label: "ci", rules: AppPasswordRules{MaxAge: time.Hour, AllowedCIDRs: tt.allowed}}
		var from netip.Addr
		if tt.from != "" {
			from = netip.MustParseAddr(tt.from)
		}
		if err := a.permits(&tt.record, now, from, "loki"); (err == nil) != tt.ok {
			t.Errorf("%v, %+v from %q: %v", tt.allowed, tt.record, tt.from, err)
		}
	}
}

// newTestHasher costs next to nothing; change may alter its options.
func newTestHasher(t *testing.T, change func(*PasswordHasherOptions)) *PasswordHasher {
	t.Helper()
	opts := PasswordHasherOptions{Random: rand.Reader, Cost: HashCost{Memory: 8, Passes: 1, Lanes: 1}}
	if change != nil {
		change(&opts)
	}
	h, err := NewPasswordHasher(opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOnlySoManyPasswordsAreHashedAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHasher(t, func(o *PasswordHasherOptions) { o.AtOnce, o.Queue, o.MaxWait = 2, 3, 5*time.Second })
		for range 2 {
			if err := h.enter(nil); err != nil {
				t.Fatal(err)
			}
		}
		ends := make(chan error)
		for range 3 {
			go func() { ends <- h.enter(nil) }()
		}
		synctest.Wait()
		if err := h.enter(nil); !errors.Is(err, ErrBusy) {
			t.Fatalf("beyond the queue: %v, want ErrBusy", err)
		}
		h.exit()
		if err := <-ends; err != nil {
			t.Fatalf("the first that waited: %v", err)
		}
		began := time.Now()
		for range 2 {
			if err := <-ends; !errors.Is(err, ErrBusy) {
				t.Fatalf("one that waited for too long: %v, want ErrBusy", err)
			}
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("it waited %s", waited)
		}
		h.exit()
		h.exit()
		if err := h.enter(nil); err != nil || h.waiting != 0 {
			t.Errorf("afterwards: %v, and %d wait", err, h.waiting)
		}
	})
}

func TestThoseWhoShowTheSamePasswordShareOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHasher(t, nil)
		key, release, checks := h.keyOf("ci", "x"), make(chan struct{}), 0
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				found, err := h.share(t.Context(), key, func(<-chan struct{}) (*AppPassword, error) {
					checks++
					<-release
					return &AppPassword{ID: "one"}, nil
				})
				if err != nil || found.ID != "one" {
					t.Errorf("share = %+v, %v", found, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		group.Wait()
		if checks != 1 || len(h.checks) != 0 {
			t.Errorf("%d checks, and %d stay behind", checks, len(h.checks))
		}
	})
}

// Who goes away takes nothing from those who stay, and a check that nobody
// waits for gives up its place in the queue.
func TestACheckThatNobodyWaitsForIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHasher(t, func(o *PasswordHasherOptions) { o.AtOnce = 1 })
		if err := h.enter(nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		check := func(abandoned <-chan struct{}) (*AppPassword, error) { return h.match(nil, "x", abandoned) }
		key := h.keyOf("ci", "x")
		ends := make(chan error, 3)
		share := func(ctx context.Context) { _, err := h.share(ctx, key, check); ends <- err }
		go share(ctx)
		go share(ctx)
		synctest.Wait()
		go share(t.Context())
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-ends; !errors.Is(err, context.Canceled) {
				t.Errorf("who went away got %v", err)
			}
		}
		if h.waiting != 1 {
			t.Errorf("%d wait, want the one who stays", h.waiting)
		}
		h.exit()
		if err := <-ends; err != nil {
			t.Errorf("who stayed got %v", err)
		}
		alone, leave := context.WithCancel(t.Context())
		if err := h.enter(nil); err != nil {
			t.Fatal(err)
		}
		go share(alone)
		synctest.Wait()
		leave()
		<-ends
		synctest.Wait()
		if h.waiting != 0 || len(h.checks) != 0 {
			t.Errorf("%d wait and %d checks are under way, want none", h.waiting, len(h.checks))
		}
	})
}

func TestARightPasswordIsRememberedForAMinute(t *testing.T) {
	h, now := newTestHasher(t, nil), time.Unix(1_700_000_000, 0)
	key := h.keyOf("ci", "correct horse")
	h.remember(key, AppPassword{ID: "a1"}, now)
	if known, found := h.recall(key, now.Add(time.Minute-1)); !found || known.id != "a1" {
		t.Errorf("within the minute: %+v, %t", known, found)
	}
	for _, other := range []passwordKey{h.keyOf("ci", "correct horsf"), h.keyOf("c", "icorrect horse"), h.keyOf("cicorrect", " horse"), newTestHasher(t, nil).keyOf("ci", "correct horse")} {
		if _, found := h.recall(other, now); found {
			t.Error("another account, password or process has the same key")
		}
	}
	if _, found := h.recall(key, now.Add(time.Minute)); found {
		t.Error("it is remembered for longer")
	}
	for i := range 5000 {
		h.remember(h.keyOf("ci", fmt.Sprint(i)), AppPassword{}, now)
	}
	if h.right.Len() > rightPasswords {
		t.Errorf("%d are remembered", h.right.Len())
	}
}

// One hash answers for an account, however many it has, and for none.
func TestHashesAreAsManyForEverybody(t *testing.T) {
	h := newTestHasher(t, nil)
	brought := func(salt byte, password string) AppPassword {
		return AppPassword{ID: password, Brought: h.opts.Cost.hash(password, [16]byte{salt})}
	}
	for _, candidates := range [][]AppPassword{nil, {brought(1, "a")}, {brought(1, "a"), brought(1, "b"), brought(1, "c")}} {
		if ways := h.ways(candidates); len(ways) != 1 {
			t.Errorf("%d hashes for %d candidates", len(ways), len(candidates))
		}
	}
	mixed := []AppPassword{brought(1, "a"), brought(2, "b"), brought(1, "c")}
	if ways := h.ways(mixed); len(ways) != 2 {
		t.Errorf("%d hashes for two salts", len(ways))
	}
	for _, password := range []string{"a", "b", "c"} {
		if found, err := h.match(mixed, password, nil); err != nil || found == nil || found.ID != password {
			t.Errorf("match(%q) = %+v, %v", password, found, err)
		}
	}
	if found, err := h.match(mixed, "d", nil); err != nil || found != nil {
		t.Errorf("match = %+v, %v, want none", found, err)
	}
}

func TestAPasswordThatIsEasilyGuessedIsNotImported(t *testing.T) {
	for _, weak := range []string{
		"tooshort", "elevenchars", strings.Repeat("a", 40), "abcabcabcabcabc", "123456789012", "abcdefghijklmnop",
		"passwordpassword", "Password1234", "password123!", "prometheus2024", "prometheus-prometheus", "changeme-changeme", "Welcome-Admin-123",
		strings.Repeat("long", 257), "not UTF-8 \xff\xff", "with a\nline break", " white space at its ends", "m2md_abcdefghijklmnopqrstuvwxyz",
	} {
		if err := CheckBrought("prometheus", weak); err == nil {
			t.Errorf("%q is taken", weak)
		} else if strings.Contains(err.Error(), weak) {
			t.Errorf("the error quotes the password: %s", err)
		}
	}
	for _, fine := range []string{"correct horse battery staple", "Tr0ub4dor&3xyz", "kjh3489sdkjh", "пароль-от-сервера-42", "日本語のとてもながい秘密の言葉", "4829 1573 6402", "a:b%c+d e=f/g?"} {
		if err := CheckBrought("prometheus", fine); err != nil {
			t.Errorf("%q is refused: %s", fine, err)
		}
	}
}

func TestAPasswordHashIsReadAsItWasWritten(t *testing.T) {
	hash := HashCost{Memory: 16, Passes: 2, Lanes: 2}.hash("correct horse", [16]byte{1, 2, 3})
	text := hash.PHC()
	if parsed, err := ParsePasswordHash(text); err != nil || parsed != hash {
		t.Fatalf("ParsePasswordHash(%s) = %+v, %v", text, parsed, err)
	}
	for _, bad := range []string{
		"", "$", text + " ", " " + text, text + "A", text[:len(text)-1], strings.Replace(text, "argon2id", "argon2i", 1), strings.Replace(text, "v=19", "v=16", 1),
		strings.Replace(text, "m=16", "m=016", 1), strings.Replace(text, "m=16", "m=15", 1), strings.Replace(text, "m=16", "m=4000000", 1), strings.Replace(text, "m=16", "m=-16", 1),
		strings.Replace(text, "t=2", "t=0", 1), strings.Replace(text, "t=2", "t=1000", 1), strings.Replace(text, "p=2", "p=0", 1), strings.Replace(text, "p=2", "p=255", 1),
		strings.Replace(text, "p=2", "p=2,x=1", 1), strings.Replace(text, "$AQID", "$====", 1), strings.Replace(text, "$AQID", "$", 1),
	} {
		if parsed, err := ParsePasswordHash(bad); err == nil {
			t.Errorf("%q is taken: %+v", bad, parsed)
		}
	}
	if (PasswordHash{}).PHC() != "" {
		t.Error("no hash has a text")
	}
}

func FuzzParsePasswordHash(f *testing.F) {
	f.Add(HashCost{Memory: 16, Passes: 2, Lanes: 2}.hash("x", [16]byte{1}).PHC())
	f.Add("$argon2id$v=19$m=65536,t=3,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		if hash, err := ParsePasswordHash(text); err == nil && hash.PHC() != text {
			t.Errorf("%q was read as %q", text, hash.PHC())
		}
	})
}

func BenchmarkUse(b *testing.B) {
	uses := NewAppPasswordUses()
	use := LastUse{From: netip.MustParseAddr("10.0.0.1"), Provider: "loki"}
	now := time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			use := use
			use.At = now.Add(time.Duration(i))
			uses.use("abcdefghijkl", use)
		}
	})
}

// BenchmarkHash is what one check of a password that was brought along costs.
func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		DefaultHashCost().hash("correct horse battery staple", [16]byte{})
	}
}
