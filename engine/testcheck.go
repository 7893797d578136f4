package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/oauth2"
)

// CheckTests tells what test blocks refer to that is not there, and what they
// expect that cannot come. It is for those who judge and run tests: Compile
// looks at none.
func (s Spec) CheckTests() Findings {
	c := testChecker{spec: s, names: map[string]Range{}}
	for i := range s.Tests {
		if i == 0 || s.Tests[i].At != s.Tests[i-1].At { // not another row of the same table
			c.unique(&s.Tests[i])
		}
		c.test(&s.Tests[i])
	}
	c.found.Sort()
	return slices.Compact(c.found) // rows of one table tell the same
}

// testChecker is one run of CheckTests.
type testChecker struct {
	spec  Spec
	names map[string]Range
	found Findings
}

func (c *testChecker) fault(at Range, summary, detail string, args ...any) {
	c.found = append(c.found, Finding{Summary: summary, Detail: fmt.Sprintf(detail, args...), At: at})
}

// unique wants each test to have a name of its own.
func (c *testChecker) unique(t *Test) {
	if first, taken := c.names[t.Label]; taken {
		c.fault(t.At, fmt.Sprintf("the test %q is declared twice", t.Label), "The first is at %s. Say what this one shows besides.", first)
		return
	}
	c.names[t.Label] = t.At
}

func (c *testChecker) test(t *Test) {
	provider := c.provider(t, t.Provider, "provider")
	c.provider(t, t.Via, "via")
	for _, label := range t.ShownBefore {
		c.provider(t, label, "shown_before")
	}
	c.from(t)
	c.claims(t)
	c.door(t, provider)
	c.outcome(t, provider)
}

// provider finds a provider that a test names; nil where there is none.
func (c *testChecker) provider(t *Test, label, attribute string) *Provider {
	if label == "" || t.Unknown[attribute] {
		return nil
	}
	var labels []string
	for i := range c.spec.Providers {
		if c.spec.Providers[i].Label == label {
			return &c.spec.Providers[i]
		}
		labels = append(labels, c.spec.Providers[i].Label)
	}
	c.undeclared(Ref{Kind: KindProvider, Label: label, At: t.AttrAt(attribute)}, labels)
	return nil
}

func (c *testChecker) undeclared(ref Ref, known []string) {
	c.fault(ref.At, fmt.Sprintf("%s is not declared", ref), "No file has a block %s %q.%s", ref.Kind, ref.Label, DidYouMean(ref.Label, known))
}

// labels are those of what can show something.
func (c *testChecker) labels(kind Kind) (labels []string) {
	switch kind {
	case KindOAuthSource:
		for _, s := range c.spec.Sources {
			labels = append(labels, s.Label)
		}
	case KindCertificate:
		for _, s := range c.spec.Certificates {
			labels = append(labels, s.Label)
		}
	case KindServiceAccount:
		for _, s := range c.spec.Accounts {
			labels = append(labels, s.Label)
		}
	case KindPolicy:
		for _, s := range c.spec.Policies {
			labels = append(labels, s.Label)
		}
	}
	return labels
}

// from checks whose proof is shown.
func (c *testChecker) from(t *Test) {
	switch known := c.labels(t.From.Kind); {
	case t.From.Label == "":
		if t.Request.Shows != ShowsNothing && !t.Unknown["source"] && !t.Unknown["certificate"] && !t.Unknown["account"] {
			c.fault(t.At, `"source", "certificate" or "account" is missing`, `Name whose proof is shown. Only a request to a guarded service can show none: door = "forward_auth", and request { credential = "none" }.`)
		}
	case !slices.Contains(known, t.From.Label):
		c.undeclared(t.From, known)
	case t.Request.Shows == ShowsNothing:
		c.fault(t.From.At, "whose proof is it that is not shown?", `credential = "none" shows nothing. Remove one of them.`)
	}
	if t.From.Kind == KindServiceAccount && t.Claims != nil {
		c.fault(t.AttrAt("claims"), "an app password has no claims", "Remove claims, or name a source, whose tokens have some.")
	}
}

// claims warns of a token that its issuer would not sign: what is shown by one
// says nothing.
func (c *testChecker) claims(t *Test) {
	if t.From.Kind != KindOAuthSource {
		return
	}
	for _, s := range c.spec.Sources {
		profile, known := issuer.Lookup(s.Profile)
		if s.Label == t.From.Label && known {
			c.claimsOf(t, profile, nil, t.Claims)
		}
	}
}

func (c *testChecker) claimsOf(t *Test, profile issuer.Profile, path []string, claims map[string]any) {
	for name, value := range claims {
		if value == nil || len(path) == 0 && slices.Contains([]string{"exp", "nbf", "iat"}, name) {
			continue
		}
		path := append(slices.Clip(path), name)
		claim, known := profile.Claim(path...)
		inner, object := value.(map[string]any)
		switch {
		case !known && !profile.Open(path...):
			c.warn(t, fmt.Sprintf("no token of %s is known to have %s", profile.Title, claimName(path)), "The test shows what happens to a token that its issuer does not sign.%s", DidYouMean(name, profile.Members(path[:len(path)-1]...)))
		case known && object && claim.Type.Holds(map[string]any{}):
			c.claimsOf(t, profile, path, inner)
		case known && !claim.Type.Fits(value):
			c.warn(t, fmt.Sprintf("%s of %s is %s", claimName(path), profile.Title, claim.Type), "The test shows what happens to a token that its issuer does not sign.")
		}
	}
}

func (c *testChecker) warn(t *Test, summary, detail string, args ...any) {
	c.found = append(c.found, Finding{Severity: Warning, ID: "CFG012", Summary: summary, Detail: fmt.Sprintf(detail, args...), At: t.AttrAt("claims")})
}

// door checks that there is one, and that what is said of a request is said of
// one to it.
func (c *testChecker) door(t *Test, p *Provider) {
	if t.Door == DoorForwardAuth {
		if p != nil && p.ForwardAuth == nil {
			c.fault(t.AttrAt("door"), fmt.Sprintf("provider %q guards nothing", p.Label), "It has no forward_auth block.")
		}
		return
	}
	for _, name := range []string{"method", "path", "host", "credential"} {
		if t.Request.Has(name) {
			c.fault(t.Request.AttrAt(name), fmt.Sprintf("%q is of a guarded request", name), `The token endpoint is asked here. Write door = "forward_auth", or remove it.`)
		}
	}
}

// outcome checks that what is expected can come together.
func (c *testChecker) outcome(t *Test, p *Provider) {
	allowed, denied := []string{"expect_access", "expect_claims"}, []string{"denied_by", "expect_error"}
	if t.Expect.Outcome == Allowed {
		allowed, denied = denied, allowed
	}
	for _, name := range allowed {
		if t.Expect.Outcome != "" && t.Has(name) {
			c.fault(t.AttrAt(name), fmt.Sprintf("%q does not go with expect = %q", name, t.Expect.Outcome), "Remove it, or expect something else.")
		}
	}
	if label, ok := strings.CutPrefix(t.Expect.DeniedBy, string(KindPolicy)+"."); ok && !slices.Contains(c.labels(KindPolicy), label) {
		c.undeclared(Ref{Kind: KindPolicy, Label: label, At: t.AttrAt("denied_by")}, c.labels(KindPolicy))
	}
	if p != nil && t.Expect.Access != "" {
		c.access(t, p)
	}
}

// access checks that the provider has the access that is expected.
func (c *testChecker) access(t *Test, p *Provider) {
	var known []string
	if p.ForwardAuth != nil {
		known = append(known, "skip_paths")
	}
	for _, a := range p.Accesses {
		known = append(known, a.Label)
	}
	if !slices.Contains(known, t.Expect.Access) {
		c.fault(t.AttrAt("expect_access"), fmt.Sprintf("provider %q has no such access", p.Label), "It has: %s.%s", strings.Join(known, ", "), DidYouMean(t.Expect.Access, known))
	}
}

// ErrorCodes are the codes that clients are told (RFC 6749 §5.2, RFC 6750 §3.1,
// RFC 8693 §2.2.2).
func ErrorCodes() []string {
	var all []string
	for _, code := range []oauth2.Code{
		oauth2.InvalidRequest, oauth2.InvalidClient, oauth2.InvalidGrant, oauth2.UnauthorizedClient, oauth2.UnsupportedGrantType,
		oauth2.InvalidScope, oauth2.InvalidToken, oauth2.InsufficientScope, oauth2.InvalidTarget, oauth2.TemporarilyUnavailable,
	} {
		all = append(all, string(code))
	}
	return all
}
