package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/storage/memory"
)

// exampleConfigs are the configurations of the examples, by folder. It fails
// where there are fewer than are known.
func exampleConfigs(t *testing.T) map[string]string {
	t.Helper()
	configs := map[string]string{}
	for _, name := range []string{"m2md.d", "m2md.hcl"} {
		found, err := filepath.Glob(filepath.Join("../../examples", "*", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range found {
			configs[filepath.Base(filepath.Dir(config))] = config
		}
	}
	if known := examples(); len(configs) < len(known) {
		t.Fatalf("%d examples have a configuration, fewer than the %d that are tried", len(configs), len(known))
	}
	return configs
}

// None of the READMEs asks for a variable of the environment.
func TestEveryExampleIsValidAndNothingIsSaidOfIt(t *testing.T) {
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run([]string{"m2md", "validate", "--config", config}, &stdout, &stderr)
			if said := stdout.String(); code != 0 || stderr.Len() > 0 || !strings.HasPrefix(said, "valid: ") || strings.Count(said, "\n") != 1 {
				t.Errorf("validate exits with %d:\n%s%s", code, said, stderr.String())
			}
		})
	}
}

// A block of HCL in a README is what somebody else writes in the place of the
// example's block of that name.
func TestEveryVariantInAReadmeOfTheExamplesIsValid(t *testing.T) {
	variants := 0
	for name, config := range exampleConfigs(t) {
		readme := readFile(t, filepath.Join(filepath.Dir(config), "README.md"))
		for i, block := range regexp.MustCompile("(?s)\n```hcl\n(.*?\n)```\n").FindAllStringSubmatch(readme, -1) {
			variants++
			t.Run(fmt.Sprintf("%s %d", name, i+1), func(t *testing.T) {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(config)); err != nil {
					t.Fatal(err)
				}
				replaceBlock(t, copied, block[1])
				if a := assessed(t, copied); len(a.Findings) > 0 || a.Engine == nil {
					t.Errorf("validate says:\n%s", text(a))
				}
			})
		}
	}
	if variants < 3 {
		t.Errorf("%d variants were found, fewer than there were", variants)
	}
}

// What somebody is told to type is what there is.
func TestTheReadmesOfTheExamplesNameCommandsThatThereAre(t *testing.T) {
	readmes, err := filepath.Glob("../../examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	typed := 0
	for _, readme := range readmes {
		for _, line := range regexp.MustCompile(`(?m)^ {4,}(?:bin/)?m2md (.*)$|`+"`m2md ([^`]*)`").FindAllStringSubmatch(readFile(t, readme), -1) {
			typed++
			checkTyped(t, readme, line[1]+line[2])
		}
	}
	if typed < 10 {
		t.Errorf("%d commands were found, fewer than there were", typed)
	}
}

// checkTyped looks for a command and its flags.
func checkTyped(t *testing.T, readme, line string) {
	t.Helper()
	var command *cli.Command
	below := newApp(io.Discard, io.Discard).Commands
	for _, word := range strings.Fields(line) {
		i := slices.IndexFunc(below, func(c *cli.Command) bool { return c.Name == word })
		if i >= 0 {
			command, below = below[i], below[i].Subcommands
			continue
		}
		name, isFlag := strings.CutPrefix(word, "--")
		if command == nil || isFlag && !slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) {
			t.Errorf("%s: there is no %q in: m2md %s", readme, word, line)
		}
	}
}

// replaceBlock puts a block in the place of that with the same header.
func replaceBlock(t *testing.T, config, block string) {
	t.Helper()
	header, _, _ := strings.Cut(block, "\n")
	files, err := filepath.Glob(filepath.Join(config, "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content := "\n" + readFile(t, file)
		before, rest, found := strings.Cut(content, "\n"+header+"\n")
		if !found {
			continue
		}
		_, after, closed := strings.Cut(rest, "\n}\n")
		if !closed {
			t.Fatalf("%s is not closed in %s", header, file)
		}
		writeFile(t, file, before+"\n"+block+after)
		return
	}
	t.Fatalf("no file of %s has %s", config, header)
}

// example is what is tried with the configuration of an example.
type example struct {
	signer     string // the source whose key signs, unless an applicant says otherwise
	profile    string // of engine/issuer, whose claims the tokens have
	base       claims // the claims, where no profile has them; and changes to them
	applicants []applicant
	work       map[string]string // the request that is made at the door of a provider; else "GET /"
	visits     []visit
}

type claims = map[string]any

// applicant is somebody who asks for a token.
type applicant struct {
	name     string
	provider string
	signer   string        // the source whose key signs; "stranger" for a key that nobody trusts
	changes  claims        // to the claims of the example
	unreal   bool          // no such token is signed; what it takes to be refused is tried nevertheless
	age      time.Duration // since the token, or the app password, was made
	lasts    time.Duration // from iat to exp, unless as usual
	day      string        // as 12-24; "" for a day in June
	before   string        // the provider that took the same token before
	password string        // the account whose app password is shown in the place of a token

	rule    string // the access that lets in; "" where none does
	subject string // as whom
	reason  string // or why not, a part of it
}

// visit is a request to a guarded host.
type visit struct {
	name     string
	provider string // that guards
	token    string // the provider that the token shown was issued for
	jwt      bool   // in its place, what that token was issued for is shown
	password string // or the app password of an account
	request  string
	reason   string // why not, a part of it; "" where it passes
}

// stranger signs with a key that no source has.
const stranger = "stranger"

// stage is an example whose sources have keys that the test has, too. Nothing
// else is changed.
type stage struct {
	example
	spec engine.Spec
	keys map[string]*enginetest.Key
}

// newStage makes the keys: of one kid, so that none is found by it, and ECDSA's,
// as those are made quickly.
func newStage(t *testing.T, config string, x example) *stage {
	t.Helper()
	newKey := func() *enginetest.Key { return enginetest.NewKey(t, "k", "ES256") }
	a := assessed(t, config)
	if a.Engine == nil {
		t.Fatalf("validate says:\n%s", text(a))
	}
	s := &stage{example: x, spec: a.Spec, keys: map[string]*enginetest.Key{stranger: newKey()}}
	for i := range s.spec.Sources {
		source := &s.spec.Sources[i]
		key := newKey()
		s.keys[source.Label] = key
		source.JWKS, source.JWKSURL, source.WellKnownURL = engine.File{Content: engine.Secret(enginetest.JWKS(key))}, "", ""
	}
	for i := range s.spec.Certificates {
		certificate := &s.spec.Certificates[i]
		key := newKey()
		s.keys[certificate.Label] = key
		certificate.Certificate = engine.File{Content: engine.Secret(key.PublicPEM())}
	}
	return s
}

// play is a configuration that serves.
type play struct {
	*stage
	*enginetest.Daemon
	spec engine.Spec
}

// serve serves a configuration: the stage's, or one made of it.
func (s *stage) serve(t *testing.T, spec engine.Spec) *play {
	t.Helper()
	p := &play{s, enginetest.NewDaemon(t, enginetest.Parts{Store: memory.New(), Policies: newPolicies()}), spec}
	p.Serve(t, spec)
	return p
}

// set puts the clock to noon of a day of next year.
func (p *play) set(day string) {
	now := time.Now()
	then, err := time.Parse("2006-01-02T15:04Z07:00", fmt.Sprintf("%d-%sT12:00Z", now.Year()+1, cmp.Or(day, "06-15")))
	if err != nil {
		panic(err)
	}
	p.Clock.Advance(then.Sub(p.Clock.Now()))
}

// claimsOf are the claims of an applicant's token, with a jti of its own.
func (p *play) claimsOf(a applicant) claims {
	all := claims{}
	if profile, known := issuer.Lookup(p.profile); known {
		all = profile.Example()
	}
	all = enginetest.With(all, p.base)
	issued := p.Clock.Now().Add(-a.age)
	was, _ := all["iat"].(json.Number).Int64() //nolint:errcheck // every example has a whole number
	for _, name := range []string{"iat", "nbf", "exp"} {
		date, _ := all[name].(json.Number).Int64() //nolint:errcheck // as above
		all[name] = json.Number(fmt.Sprint(issued.Unix() + date - was))
	}
	if a.lasts > 0 {
		all["exp"] = json.Number(fmt.Sprint(issued.Add(a.lasts).Unix()))
	}
	all["jti"] = rand.Text()
	return enginetest.With(all, a.changes)
}

// apply asks for the token, and returns what decided.
func (p *play) apply(t *testing.T, a applicant) (*oauth2.Token, engine.Decision, error) {
	t.Helper()
	p.set(a.day)
	secret := ""
	if a.password != "" {
		secret = p.Password(t, a.password, func(record *engine.AppPassword) { record.CreatedAt = p.Clock.Now().Add(-a.age) })
	} else {
		secret = p.keys[cmp.Or(a.signer, p.signer)].Mint(p.claimsOf(a))
	}
	if a.before != "" {
		if _, _, err := p.ask(t, a.before, secret); err != nil {
			t.Fatalf("the provider %s, before: %s", a.before, err)
		}
	}
	return p.ask(t, a.provider, secret)
}

// ask shows a secret at the token endpoint.
func (p *play) ask(t *testing.T, provider, secret string) (*oauth2.Token, engine.Decision, error) {
	t.Helper()
	token, err := p.Live.Load().Token(t.Context(), engine.Caller{RequestID: "r", HTTP: engine.PolicyHTTP{Door: "token"}}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: provider, Secret: secret},
	})
	return token, p.Audit.Last(t), err
}

// knock makes a request, such as "GET /", at a provider's door.
func (p *play) knock(t *testing.T, provider, request string, shown engine.Credential) (*engine.Admission, error) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	caller := engine.Caller{RequestID: "r", HTTP: engine.PolicyHTTP{Door: "forward_auth", Method: method, Path: path}}
	return p.Live.Load().Guard(t.Context(), caller, engine.GuardRequest{Provider: provider, Credential: shown})
}

// call makes a visit with what the first applicant got whom the provider lets in.
func (p *play) call(t *testing.T, v visit) (*engine.Admission, error) {
	t.Helper()
	var shown engine.Credential
	switch {
	case v.password != "":
		shown.Password = p.Password(t, v.password, nil)
	case v.token != "":
		i := slices.IndexFunc(p.applicants, func(a applicant) bool { return a.provider == v.token && a.rule != "" })
		if i < 0 {
			t.Fatalf("nobody gets a token of %s", v.token)
		}
		if p.set(""); v.jwt {
			shown.Bearer = p.keys[cmp.Or(p.applicants[i].signer, p.signer)].Mint(p.claimsOf(p.applicants[i]))
			break
		}
		token, _, err := p.apply(t, p.applicants[i])
		if err != nil {
			t.Fatal(err)
		}
		shown.Bearer = token.AccessToken
	}
	return p.knock(t, v.provider, v.request, shown)
}

// TestExamples tries on each example who gets in, as whom, and who does not.
func TestExamples(t *testing.T) {
	tried := examples()
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			x, known := tried[name]
			if !known {
				t.Fatal("nothing says who gets in")
			}
			s := newStage(t, config, x)
			for _, a := range s.applicants {
				t.Run(a.provider+": "+a.name, func(t *testing.T) { s.serve(t, s.spec).try(t, a) })
			}
			for _, v := range s.visits {
				t.Run("at the door of "+v.provider+": "+v.name, func(t *testing.T) { s.serve(t, s.spec).tryDoor(t, v) })
			}
			s.checkEveryAccessLetsIn(t)
		})
	}
}

func (p *play) try(t *testing.T, a applicant) {
	if profile, known := issuer.Lookup(p.profile); known && !a.unreal && a.password == "" {
		p.set(a.day)
		checkProfile(t, profile, nil, decoded(t, p.claimsOf(a)), map[string]bool{})
	}
	token, decision, err := p.apply(t, a)
	if a.rule == "" {
		var refusal *engine.Refusal
		if !errors.As(err, &refusal) || decision.Outcome != engine.Denied || a.reason == "" || !strings.Contains(decision.Reason, a.reason) {
			t.Fatalf("got %v, want a refusal because %q", err, a.reason)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if sub := payloadOf(t, token.AccessToken)["sub"]; sub != a.subject || decision.Subject != a.subject || decision.Rule != a.rule {
		t.Errorf("sub is %q, and %q let %q in, want %q and %q", sub, decision.Rule, decision.Subject, a.subject, a.rule)
	}
	p.checkDoors(t, a, token.AccessToken)
}

// checkDoors wants a token taken at the door of the provider it is of, if that
// has one, and at no other.
func (p *play) checkDoors(t *testing.T, a applicant, token string) {
	t.Helper()
	for _, provider := range p.spec.Providers {
		if provider.ForwardAuth == nil {
			continue
		}
		admission, err := p.knock(t, provider.Label, cmp.Or(p.work[provider.Label], "GET /"), engine.Credential{Bearer: token})
		switch {
		case (err == nil) != (provider.Label == a.provider):
			t.Errorf("the door of %s says %v to a token of %s", provider.Label, err, a.provider)
		case err == nil && admission.Headers[0].Value[0] != a.subject:
			t.Errorf("the service is told %v, want %q", admission.Headers[0], a.subject)
		}
	}
}

// decoded are claims as they are after signing.
func decoded(t *testing.T, all claims) claims {
	t.Helper()
	return payloadOf(t, "."+enginetest.Segment(encoded(t, all))+".")
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *play) tryDoor(t *testing.T, v visit) {
	_, err := p.call(t, v)
	decision := p.Audit.Last(t)
	if v.reason == "" && err != nil || v.reason != "" && (err == nil || !strings.Contains(decision.Reason, v.reason)) {
		t.Errorf("got %v, want a refusal (or none) because %q", err, v.reason)
	}
}

// checkEveryAccessLetsIn wants somebody who is let in by each access, and
// somebody whom each provider refuses.
func (s *stage) checkEveryAccessLetsIn(t *testing.T) {
	t.Helper()
	for _, provider := range s.spec.Providers {
		refused := slices.ContainsFunc(s.applicants, func(a applicant) bool { return a.provider == provider.Label && a.rule == "" })
		if !refused {
			t.Errorf("nobody is refused by provider %q", provider.Label)
		}
		for _, access := range provider.Accesses {
			if !slices.ContainsFunc(s.applicants, func(a applicant) bool { return a.provider == provider.Label && a.rule == access.Label }) {
				t.Errorf("nobody is let in by access %q of provider %q", access.Label, provider.Label)
			}
		}
	}
}

// Whatever an example asks keeps somebody out: without it, one of those who are
// refused gets in.
func TestExamplesAskNothingInVain(t *testing.T) {
	tried := examples()
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, config, tried[name])
			weaker := weakened(s.spec)
			if len(weaker) == 0 {
				t.Fatal("the example asks nothing")
			}
			for _, w := range weaker {
				t.Run(w.without, func(t *testing.T) {
					if !s.letsMoreIn(t, w.spec) {
						t.Error("who is refused with it is refused without it")
					}
				})
			}
		})
	}
}

// letsMoreIn says whether a configuration lets somebody in who should be refused.
func (s *stage) letsMoreIn(t *testing.T, spec engine.Spec) bool {
	t.Helper()
	p := s.serve(t, spec)
	for _, a := range s.applicants {
		if a.rule != "" {
			continue
		}
		if _, _, err := p.apply(t, a); err == nil {
			return true
		}
	}
	for _, v := range s.visits {
		if v.reason == "" {
			continue
		}
		if _, err := p.call(t, v); err == nil {
			return true
		}
	}
	return false
}

// weaker is a configuration that asks one thing less than another.
type weaker struct {
	without string
	spec    engine.Spec
}

// weakened takes away each thing that a configuration asks of who comes.
func weakened(spec engine.Spec) []weaker {
	var all []weaker
	add := func(without string, change func(*engine.Spec)) {
		less := copied(spec)
		change(&less)
		all = append(all, weaker{without, less})
	}
	for i, s := range spec.Sources {
		weakenTrust(s.Trust, "oauth_source "+s.Label, func(without string, t engine.Trust) {
			add(without, func(less *engine.Spec) { less.Sources[i].Trust = t })
		})
	}
	for i, s := range spec.Certificates {
		weakenTrust(s.Trust, "verification_certificate "+s.Label, func(without string, t engine.Trust) {
			add(without, func(less *engine.Spec) { less.Certificates[i].Trust = t })
		})
	}
	for i, a := range spec.Accounts {
		if a.AppPasswords.MaxAge > 0 {
			add("service_account "+a.Label+" max_age", func(less *engine.Spec) { less.Accounts[i].AppPasswords.MaxAge = 0 })
		}
		for j, jwt := range a.JWTs {
			for path, require := range lesser(jwt.Require) {
				add("service_account "+a.Label+path, func(less *engine.Spec) { less.Accounts[i].JWTs[j].Require = require })
			}
		}
	}
	for i, p := range spec.Providers {
		for j, a := range p.Accesses {
			where := fmt.Sprintf("provider %s access %s", p.Label, a.Label)
			for path, require := range lesser(a.Require) {
				add(where+path, func(less *engine.Spec) {
					access := &less.Providers[i].Accesses[j]
					access.Require, access.AllowAnySubject = require, true
				})
			}
			for k, policy := range a.Policies {
				add(where+" "+policy.String(), func(less *engine.Spec) {
					access := &less.Providers[i].Accesses[j]
					access.Policies, access.AllowAnySubject = slices.Delete(slices.Clone(access.Policies), k, k+1), true
				})
			}
		}
		if p.ForwardAuth != nil && len(p.ForwardAuth.Policies) > 0 {
			add("provider "+p.Label+" forward_auth policies", func(less *engine.Spec) { less.Providers[i].ForwardAuth.Policies = nil })
		}
	}
	return all
}

// weakenTrust takes away each thing that must hold of the tokens of a source.
func weakenTrust(t engine.Trust, what string, add func(without string, less engine.Trust)) {
	for path, require := range lesser(t.Require) {
		less := t
		less.Require = require
		add(what+path, less)
	}
	if len(t.Audiences) > 0 {
		less := t
		less.Audiences, less.AllowAnyAudience = nil, true
		add(what+" audiences", less)
	}
	if t.MaxTokenAge > 0 {
		less := t
		less.MaxTokenAge = 0
		add(what+" max_token_age", less)
	}
	if t.UseOnce {
		less := t
		less.UseOnce = false
		add(what+" replay", less)
	}
}

// lesser are requirements that ask one claim less, by the path to it; nil where
// that was all.
func lesser(r *engine.Requirement) map[string]*engine.Requirement {
	all := map[string]*engine.Requirement{}
	if r == nil {
		return all
	}
	for i, field := range r.Fields {
		if field.Fields == nil {
			all[" "+field.Name] = withField(r, i, nil)
			continue
		}
		for path, inner := range lesser(&field.Requirement) {
			all[" "+field.Name+path] = withField(r, i, inner)
		}
	}
	return all
}

// withField asks something else of a field; nil asks nothing of it.
func withField(r *engine.Requirement, i int, of *engine.Requirement) *engine.Requirement {
	fields := slices.Clone(r.Fields)
	if of == nil {
		fields = slices.Delete(fields, i, i+1)
	} else {
		fields[i].Requirement = *of
	}
	if len(fields) == 0 {
		return nil
	}
	return &engine.Requirement{Fields: fields}
}

// copied is a configuration whose declarations can be changed without changing
// those of the original.
func copied(spec engine.Spec) engine.Spec {
	spec.Sources, spec.Certificates = slices.Clone(spec.Sources), slices.Clone(spec.Certificates)
	spec.Accounts, spec.Providers = slices.Clone(spec.Accounts), slices.Clone(spec.Providers)
	for i := range spec.Accounts {
		spec.Accounts[i].JWTs = slices.Clone(spec.Accounts[i].JWTs)
	}
	for i := range spec.Providers {
		p := &spec.Providers[i]
		p.Accesses = slices.Clone(p.Accesses)
		if p.ForwardAuth != nil {
			guard := *p.ForwardAuth
			p.ForwardAuth = &guard
		}
	}
	return spec
}

// merged are claims with others added or replaced.
func merged(all ...claims) claims {
	one := claims{}
	for _, some := range all {
		maps.Copy(one, some)
	}
	return one
}
