package engine_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// explained explains a token for the provider p.
func explained(t testing.TB, d *enginetest.Daemon, token string) engine.Explanation {
	t.Helper()
	all, err := d.Live.Load().Explain(t.Context(), engine.ExplainRequest{Provider: "p", Token: engine.Secret(token)})
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d explanations, %v", len(all), err)
	}
	return all[0]
}

// gitHubClaims are those of a job, with some of them changed; nil takes one away.
func gitHubClaims(d *enginetest.Daemon, change map[string]any) map[string]any {
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	for name, value := range change {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	return claims
}

// demanding is a daemon whose one access requires claims of GitHub.
func demanding(t testing.TB, require map[string]any, change func(*engine.Spec)) (*enginetest.Daemon, *enginetest.Key) {
	t.Helper()
	d, key := newDaemon(t), enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	if require != nil {
		spec.Providers[0].Accesses[0].Require = enginetest.Require(require)
	}
	if change != nil {
		change(&spec)
	}
	d.Serve(t, spec)
	return d, key
}

func TestADenialSaysWhatIsMissingByHowLittleAndWhatToDo(t *testing.T) {
	tests := []struct {
		name    string
		require map[string]any
		claims  map[string]any
		because string // a part of it
		remedy  string // a part of it
	}{
		{"a letter's case", map[string]any{"repository": "acme/api"}, map[string]any{"repository": "acme/Api"},
			`the claim repository is "acme/Api"; required is "acme/api" (differs in case)`, `write repository = "acme/Api" at `},
		{"a number for a text", map[string]any{"run_number": "19"}, map[string]any{"run_number": 19},
			`the token has the number 19, required is the text "19"`, `write run_number = 19 at `},
		{"a text for a truth value", map[string]any{"ref_protected": true}, map[string]any{"ref_protected": "true"},
			`the token has the text "true", required is the bare word true`, `write ref_protected = "true" at `},
		{"an absent claim with a cousin", map[string]any{"repository-id": "1"}, nil,
			`"repository-id" is absent; required is "1" (the token has repository_id)`, `remove "repository-id" from require_claims`},
		{"the branch without refs/heads", map[string]any{"ref": "main"}, map[string]any{"ref": "refs/heads/main"},
			`the token has "refs/heads/" in front`, `write ref = "refs/heads/main"`},
		{"a slip of a letter", map[string]any{"repository": "acme/apl"}, map[string]any{"repository": "acme/api"},
			`differs at character 8: the token has 'i', required is 'l'`, `write repository = "acme/api"`},
		{"a letter that looks like another", map[string]any{"repository": "acme/api"}, map[string]any{"repository": "аcme/api"},
			`differs at character 1: the token has 'а' (U+0430), required is 'a'`, ``},
		{"none of several", map[string]any{"event_name": []any{"push", "schedule"}}, map[string]any{"event_name": "Push"},
			`from "push" it differs in case`, `add "Push" to what is accepted for event_name`},
		{"the end of a pattern", map[string]any{"ref": enginetest.Pattern(`refs/(heads|tags)/v[0-9]+`)}, map[string]any{"ref": "refs/heads/main"},
			`"refs/heads/" goes along with the pattern, and then "main" does not match`, `write a pattern for ref`},
		{"a pattern that matches a part", map[string]any{"ref": enginetest.Pattern(`refs/heads/main`)}, map[string]any{"ref": "refs/heads/main2"},
			`the pattern matches only "refs/heads/main" of it`, ``},
		{"nothing alike", map[string]any{"repository": "acme/api"}, map[string]any{"repository": "evil/fork"},
			`the claim repository is "evil/fork"; required is "acme/api"`, `write repository = ["acme/api", "evil/fork"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, key := demanding(t, tt.require, nil)
			x := explained(t, d, key.Mint(gitHubClaims(d, tt.claims)))
			if x.Allowed || !strings.Contains(x.Because, tt.because) || !strings.Contains(x.Remedy, tt.remedy) {
				t.Errorf("allowed %v, because %s\nremedy %s", x.Allowed, x.Because, x.Remedy)
			}
		})
	}
}

func TestADenialBeforeAnyAccessSaysWhatElseWouldBeMissing(t *testing.T) {
	other := enginetest.NewKey(t, "k", "ES256")
	tests := []struct {
		name    string
		token   func(*enginetest.Daemon, *enginetest.Key) string
		because []string // parts of it
		remedy  string   // a part of it
	}{
		{"an expired token of the wrong repository", func(d *enginetest.Daemon, k *enginetest.Key) string {
			claims := gitHubClaims(d, map[string]any{"repository": "acme/Api"})
			claims["iat"], claims["nbf"], claims["exp"] = d.Clock.Now().Add(-time.Hour).Unix(), d.Clock.Now().Add(-time.Hour).Unix(), d.Clock.Now().Add(-55*time.Minute).Unix()
			return k.Mint(claims)
		}, []string{"it expired at", "(55m", `the claim repository is "acme/Api"`}, "get a new token, and show it before it expires; and write repository"},
		{"an audience with a slash too many", func(d *enginetest.Daemon, k *enginetest.Key) string {
			return k.Mint(gitHubClaims(d, map[string]any{"aud": audience + "/"}))
		}, []string{`the token is for "https://auth.example.com/"; accepted is "https://auth.example.com"`, "differs in a slash at its end"}, `have the token made for "https://auth.example.com", or add "https://auth.example.com/" to audiences at `},
		{"an issuer over http", func(d *enginetest.Daemon, k *enginetest.Key) string {
			return k.Mint(gitHubClaims(d, map[string]any{"iss": "http://token.actions.githubusercontent.com"}))
		}, []string{"names a source whose issuer is the iss of the token", "differs in http and https"}, `write issuer = "http://token.actions.githubusercontent.com" at `},
		{"another's key of the same kid", func(d *enginetest.Daemon, k *enginetest.Key) string {
			return other.Mint(gitHubClaims(d, nil))
		}, []string{`none of the 1 keys that kid "k" and alg "ES256" leave made the signature`}, "show the token as its issuer made it"},
		{"no JWT", func(*enginetest.Daemon, *enginetest.Key) string { return "a.b.c" }, []string{"not base64url"}, "show a whole JWT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, key := demanding(t, map[string]any{"repository": "acme/api"}, nil)
			x := explained(t, d, tt.token(d, key))
			if x.Allowed || !strings.Contains(x.Remedy, tt.remedy) {
				t.Errorf("allowed %v, remedy %s", x.Allowed, x.Remedy)
			}
			for _, part := range tt.because {
				if !strings.Contains(x.Because, part) {
					t.Errorf("because %s\nlacks %s", x.Because, part)
				}
			}
		})
	}
}

func TestASourceThatNoAccessNamesIsTold(t *testing.T) {
	d, key := demanding(t, nil, func(spec *engine.Spec) {
		spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
		spec.Providers[0].Accesses[0].From = enginetest.Refs("service_account.ci")
	})
	x := explained(t, d, key.Mint(gitHubClaims(d, nil)))
	if want := `add oauth_source.gh to from of access "all" at `; x.Allowed || !strings.Contains(x.Remedy, want) {
		t.Errorf("because %s\nremedy %s", x.Because, x.Remedy)
	}
}

func TestAValueFromOutsideIsNotTold(t *testing.T) {
	d, key := demanding(t, map[string]any{"repository": "acme/secret-project"}, func(spec *engine.Spec) {
		spec.Providers[0].Accesses[0].Sensitive = map[string]bool{"require_claims": true}
		spec.Sources[0].Sensitive = map[string]bool{"audiences": true, "issuer": true}
		spec.Sources[0].Audiences = []string{"https://hidden.example"}
	})
	for _, change := range []map[string]any{{"repository": "acme/Secret-Project"}, {"iss": enginetest.GitHub + "/"}, nil} {
		x := explained(t, d, key.Mint(gitHubClaims(d, change)))
		text := x.Because + x.Remedy + d.Clock.Now().String()
		for _, step := range x.Trace.Steps {
			text += step.Detail + step.Near + step.Remedy
		}
		for _, never := range []string{"secret-project", "hidden.example", "differs in case"} {
			if strings.Contains(text, never) {
				t.Errorf("%v: it tells %q: %s", change, never, text)
			}
		}
	}
}

func TestExplainingLeavesNothingBehind(t *testing.T) {
	d, key := demanding(t, nil, func(spec *engine.Spec) {
		spec.Sources[0].UseOnce = true
		spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
		spec.Providers[0].Accesses[0].From = enginetest.Refs("oauth_source.gh", "service_account.ci")
	})
	token, password := key.Mint(gitHubClaims(d, map[string]any{"jti": "one"})), d.Password(t, "ci", nil)
	for range 3 {
		if x := explained(t, d, token); !x.Allowed || x.Claims["sub"] == nil {
			t.Fatalf("denied because %s", x.Because)
		}
		if x := explained(t, d, password); !x.Allowed {
			t.Fatalf("denied because %s", x.Because)
		}
	}
	for range 2000 { // more than an address may guess
		explained(t, d, "a.b.c")
	}
	if n := len(d.Audit.All()); n != 0 {
		t.Errorf("%d decisions were recorded", n)
	}
	if pending, _ := d.Deps.Uses.Pending(); pending != 0 {
		t.Errorf("%d uses were counted", pending)
	}
	accepted(t, d, token) // it was not spent
}

func TestAnExplanationTellsNoSecret(t *testing.T) {
	d, key := demanding(t, map[string]any{"repository": "acme/api"}, func(spec *engine.Spec) {
		spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	})
	token, password := key.Mint(gitHubClaims(d, map[string]any{"repository": "x/y"})), d.Password(t, "ci", nil)
	for _, shown := range []string{token, password, token + "x", password[:len(password)-1] + "_", "user:" + password} {
		x := explained(t, d, shown)
		text := x.Because + x.Remedy + x.Decision.Reason
		for _, step := range x.Trace.Steps {
			text += step.Subject + step.Detail + step.Near + step.Remedy
		}
		signature := token[strings.LastIndex(token, ".")+1:]
		for _, never := range []string{signature, strings.Split(password, "_")[2]} {
			if strings.Contains(text, never) {
				t.Errorf("it tells %q in %s", never, text)
			}
		}
	}
}

func TestADecisionIsExplainedFromItsRecord(t *testing.T) {
	d, key := demanding(t, map[string]any{"repository": "acme/api"}, nil)
	if _, err := show(t, d, key.Mint(gitHubClaims(d, map[string]any{"repository": "acme/Api"}))); err == nil {
		t.Fatal("it got in")
	}
	record := d.Audit.Last(t)
	d.Clock.Advance(24 * time.Hour) // the token has expired since, which is not why
	again := func() engine.Explanation {
		all, err := d.Live.Load().Explain(t.Context(), engine.ExplainRequest{Recorded: &record})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	x := again()
	if want := `access "all": the claim repository is "acme/Api"; required is "acme/api" (differs in case)`; x.Allowed || x.Because != want {
		t.Errorf("because %s", x.Because)
	}
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Providers[0].Accesses[0].Require = enginetest.Require(map[string]any{"repository": "acme/Api"})
	d.Serve(t, spec)
	if x := again(); !x.Allowed {
		t.Errorf("with the remedy, denied because %s", x.Because)
	}
}

func TestAProviderThatIsNotNamedIsFoundByWhatCouldLetIn(t *testing.T) {
	d, key := newDaemon(t), enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	strict := engine.Provider{Decl: enginetest.Declare("a_strict", 50), Accesses: []engine.Access{{Decl: enginetest.Declare("x", 51), From: enginetest.Refs("oauth_source.gh"), Require: enginetest.Require(map[string]any{"repository": "no/no"})}}}
	other := engine.Provider{Decl: enginetest.Declare("b_other", 60), Accesses: []engine.Access{{Decl: enginetest.Declare("x", 61), From: enginetest.Refs("service_account.ci")}}}
	spec.Providers = slices.Concat([]engine.Provider{strict, other}, spec.Providers)
	d.Serve(t, spec)
	all, err := d.Live.Load().Explain(t.Context(), engine.ExplainRequest{Token: engine.Secret(key.Mint(gitHubClaims(d, nil)))})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, x := range all {
		order = append(order, x.Provider)
	}
	if !slices.Equal(order, []string{"p", "a_strict"}) {
		t.Errorf("explained for %v", order)
	}
}

func TestTheProviderThatMissesLeastIsExplainedFirst(t *testing.T) {
	d, key := newDaemon(t), enginetest.NewKey(t, "k", "ES256")
	requiring := func(label string, line int, wants ...map[string]any) engine.Provider {
		p := engine.Provider{Decl: enginetest.Declare(label, line)}
		for i, want := range wants {
			access := engine.Access{Decl: enginetest.Declare("x"+string(rune('a'+i)), line+1+i), From: enginetest.Refs("oauth_source.gh"), Require: enginetest.Require(want)}
			p.Accesses = append(p.Accesses, access)
		}
		return p
	}
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Providers = []engine.Provider{ // b has more accesses that miss, but one of them misses less
		requiring("a", 50, map[string]any{"repository": "no/no", "ref": "refs/heads/no"}),
		requiring("b", 60, map[string]any{"repository": "no/no"}, map[string]any{"event_name": "no", "ref": "no"}, map[string]any{"actor": "no", "ref": "no"}),
	}
	d.Serve(t, spec)
	all, err := d.Live.Load().Explain(t.Context(), engine.ExplainRequest{Token: engine.Secret(key.Mint(gitHubClaims(d, nil)))})
	if err != nil || len(all) != 2 || all[0].Provider != "b" {
		t.Errorf("explained %v, %v", all, err)
	}
}

func TestTracingChangesNoDecision(t *testing.T) {
	d, key := demanding(t, map[string]any{"repository": "acme/api"}, nil)
	for _, claims := range []map[string]any{nil, {"repository": "x/y"}, {"aud": "nobody"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": nil}} {
		token := key.Mint(gitHubClaims(d, maps.Clone(claims)))
		_, plain := show(t, d, token)
		want := d.Audit.Last(t)
		x := explained(t, d, token)
		if x.Allowed != (plain == nil) || x.Decision.Reason != want.Reason || x.Decision.Outcome != want.Outcome || x.Decision.Rule != want.Rule {
			t.Errorf("%v: decided %s %q, explained %s %q", claims, want.Outcome, want.Reason, x.Decision.Outcome, x.Decision.Reason)
		}
	}
}
