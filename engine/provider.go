package engine

import (
	"context"
	"fmt"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// provider is something that tokens are issued for or that is guarded, compiled.
type provider struct {
	label    string
	clientID string
	issuer   string
	audience []string
	scopes   map[string]bool
	lifetime Lifetime
	signer   *signer
	verifies map[string]*signer // by kid: every key that may have signed for this provider
	preamble []byte             // of the payload of its tokens: iss, aud and client_id
	accesses []access
	metadata Metadata
	forward  *forwardAuth // nil: not guarded

	byIssuer  map[string][]*trust // what its accesses name, by iss
	anyIssuer []*trust
}

// trusts are the sources and certificates that a token with that iss may come from.
func (p *provider) trusts(issuer string) []*trust {
	named := p.byIssuer[issuer]
	if len(p.anyIssuer) == 0 {
		return named
	}
	return append(named[:len(named):len(named)], p.anyIssuer...)
}

// access is one way to be let in, compiled.
type access struct {
	label    string
	from     map[origin]bool
	require  *Requirement
	policies policies
}

// policies are asked together.
type policies struct {
	all  []namedPolicy
	mode PolicyMode
}

type namedPolicy struct {
	label string
	Policy
}

// forwardAuth is how a provider guards, compiled.
type forwardAuth struct {
	acceptInput bool
	skip        []skipPath
	policies    policies
	verified    *lru.Cache[tokenHash, *admitted] // bearer tokens seen before
}

// names says whether any access lets that origin in.
func (p *provider) names(from origin) bool {
	for i := range p.accesses {
		if p.accesses[i].from[from] {
			return true
		}
	}
	return false
}

// authorize returns the first access, in the order of the file, that names
// where the identity comes from and whose claims and policies pass. Everything
// else is a no.
func (p *provider) authorize(ctx context.Context, id *identity, in *PolicyInput) (rule string, err error) {
	var misses []string
	for i := range p.accesses {
		access := &p.accesses[i]
		if !access.from[id.origin] {
			continue
		}
		miss := access.admits(ctx, id, in)
		if miss == "" {
			return access.label, nil
		}
		misses = append(misses, fmt.Sprintf("access %s: %s", access.label, miss))
	}
	if misses == nil {
		return "", noAccess("no access of provider %s names %s", p.label, id.origin)
	}
	return "", noAccess("%s", strings.Join(misses, "; "))
}

// admits returns "" where the access lets the identity in, and else why not.
func (a *access) admits(ctx context.Context, id *identity, in *PolicyInput) string {
	if !a.require.Match(id.claims) {
		return "the claims do not fulfil require_claims"
	}
	return a.policies.refuse(ctx, in)
}

// refuse asks the policies and returns "" where they let in, and else why not.
// A policy that cannot answer counts as a no.
func (p *policies) refuse(ctx context.Context, in *PolicyInput) string {
	var noes []string
	for _, policy := range p.all {
		pass, err := policy.Evaluate(ctx, in)
		switch {
		case pass && err == nil:
			if p.mode == AnyPolicy {
				return ""
			}
			continue
		case err != nil:
			noes = append(noes, fmt.Sprintf("policy %s failed: %s", policy.label, err))
		default:
			noes = append(noes, fmt.Sprintf("policy %s said no", policy.label))
		}
		if p.mode == AllPolicies {
			break
		}
	}
	return strings.Join(noes, ", ")
}
