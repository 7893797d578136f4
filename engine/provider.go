package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/m2md/m2md/engine/jwks"
)

// provider is something that tokens are issued for or that is guarded, compiled.
type provider struct {
	label    string
	clientID string
	mode     issuerMode
	issuer   string
	audience []string
	subjects subjectMode
	// lenient takes a client_secret beside username and password for absent.
	lenient       bool
	notAfterInput bool
	origins       map[string]bool // of pages that may ask
	scopes        map[string]bool
	lifetime      Lifetime
	ring          *ring
	signer        *signer
	published     []jwks.Key
	verifies      map[string]jwks.Key // the same, by kid: every key that may have signed for this provider
	caching       time.Duration       // for how long others may keep the set of these
	claims        map[string]any      // that its tokens have besides
	mappings      []namedMapping      // in the order in which they are merged
	tellsMessages bool                // to clients that are not let in, what policies say of it
	asked         map[string]Policy   // every policy, for those that ask others
	hasScripts    bool                // it asks policies, or has mappings
	preamble      []byte              // of the payload of its tokens: iss, aud, client_id and claims
	accesses      []access
	metadata      Metadata
	forward       *forwardAuth // nil: not guarded

	trusted   map[*trust]bool     // whose tokens are proof here
	byIssuer  map[string][]*trust // the same, by iss
	anyIssuer []*trust
	opaque    *trust                 // whose opaque tokens are proof here; nil for none
	federated map[string][]*provider // whose tokens are proof here, by iss

	// reach is where those come from whom some access lets in, be it by way of
	// other providers' tokens.
	reach map[origin]bool
	// hashes are the accounts of reach by the sub that hides them.
	hashes map[string]*account
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
	accounts map[origin][]*account // of from, which a token of that source can be the token of
	require  *Requirement
	policies policies
}

// forwardAuth is how a provider guards, compiled.
type forwardAuth struct {
	acceptInput  bool
	acceptOpaque bool
	skip         []skipPath
	policies     policies
	headers      []string                         // names that policies see, in lower case, sorted
	verified     *lru.Cache[tokenHash, *admitted] // bearer tokens seen before
}

// authorize returns the first access, in the order of the file, that names
// where the identity comes from and whose claims and policies pass, and as whom
// it lets in. Everything else is a no.
func (p *provider) authorize(ctx context.Context, a *attempt, id *identity) (in *identity, rule string, err error) {
	var misses []string
	for i := range p.accesses {
		access := &p.accesses[i]
		who, miss := access.recognise(id)
		a.traceAccess(access, id, who, miss)
		if who != nil {
			asked, told := len(a.Policies), len(a.Messages)
			miss = access.admits(ctx, a, who)
			a.tracePolicies(access.label, asked, told)
			if miss == "" {
				return who, access.label, nil
			}
		}
		if miss != "" {
			misses = append(misses, fmt.Sprintf("access %s: %s", access.label, miss))
		}
	}
	if misses == nil {
		return nil, "", noAccess("no access of provider %s names %s", p.label, id.entry())
	}
	return nil, "", a.noEntry("%s", strings.Join(misses, "; "))
}

// recognise says as whom the access takes an identity, if it names any: as the
// account whose token was shown, or else as what it comes from. A token that is
// several accounts' is nobody's.
func (a *access) recognise(id *identity) (who *identity, miss string) {
	if id.source != "" && id.via == nil {
		var owners []*account
		for _, account := range a.accounts[id.origin] {
			if account.owns(id) {
				owners = append(owners, account)
			}
		}
		switch len(owners) {
		case 0:
		case 1:
			return id.as(owners[0]), ""
		default:
			return nil, fmt.Sprintf("the token is that of service_account %s and of %s", owners[0].label, owners[1].label)
		}
	}
	if a.from[id.entry()] {
		return id, ""
	}
	if others := a.accounts[id.origin]; len(others) > 0 {
		return nil, fmt.Sprintf("the token has not the claims of a jwt block of service_account %s", others[0].label)
	}
	return nil, ""
}

// admits returns "" where the access lets the identity in, and else why not.
func (a *access) admits(ctx context.Context, attempt *attempt, id *identity) string {
	attempt.traceRequired(a, id)
	if !a.require.Match(id.claims) {
		return "the claims do not fulfil require_claims"
	}
	return a.policies.ask(ctx, attempt, id, a.label)
}
