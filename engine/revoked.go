package engine

import (
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"strings"
	"time"
	"unique"
)

// revoked is what is revoked at a moment. It never changes: with makes another
// one, which shares with it all but the part that differs. A nil one is nothing.
type revoked struct {
	seed   maphash.Seed
	tokens [revokedParts]map[string]revokedToken // by the hash of the jti, by jti
	count  int                                   // of tokens
	labels map[origin]Revocation                 // by scopeOf
}

// revokedParts is into how many parts tokens are divided: as many as make
// neither copying one of them long nor copying their list.
const revokedParts = 256

// revokedToken is what is remembered of one token.
type revokedToken struct {
	until int64 // Unix time
	by    unique.Handle[string]
}

// scopeOf is by what a label is found. Sources and certificates share one
// namespace, and a token does not tell them apart.
func scopeOf(kind Kind, label string) origin {
	if kind == KindCertificate {
		kind = KindOAuthSource
	}
	return origin{kind, label}
}

// newRevoked holds nothing yet.
func newRevoked() *revoked {
	r := &revoked{seed: maphash.MakeSeed(), labels: map[origin]Revocation{}}
	for i := range r.tokens {
		r.tokens[i] = map[string]revokedToken{}
	}
	return r
}

// size is how many revocations there are.
func (r *revoked) size() int {
	if r == nil {
		return 0
	}
	return r.count + len(r.labels)
}

// add is for one that nobody else sees yet.
func (r *revoked) add(one Revocation) {
	if !one.ofToken() {
		scope := scopeOf(one.Kind, one.Name)
		if known := r.labels[scope]; known.IssuedUntil.Before(one.IssuedUntil) {
			r.labels[scope] = one
		}
		return
	}
	part := r.tokens[r.part(one.Name)]
	r.count -= len(part)
	part[strings.Clone(one.Name)] = revokedToken{one.Until.Unix(), unique.Make(one.By)}
	r.count += len(part)
}

// with is r and one more, or another one in the place of that of its name.
func (r *revoked) with(one Revocation) *revoked {
	if r == nil {
		r = newRevoked()
	}
	next := *r
	if one.ofToken() {
		i := next.part(one.Name)
		next.tokens[i] = maps.Clone(r.tokens[i])
	} else {
		next.labels = maps.Clone(r.labels)
	}
	next.add(one)
	return &next
}

func (r *revoked) part(tokenID string) int {
	return int(maphash.String(r.seed, tokenID) % revokedParts)
}

// find is the revocation with the kind and the name of one. A token's lacks At.
func (r *revoked) find(one Revocation) (Revocation, bool) {
	if r == nil {
		return Revocation{}, false
	}
	if !one.ofToken() {
		known, found := r.labels[scopeOf(one.Kind, one.Name)]
		return known, found
	}
	known, found := r.tokens[r.part(one.Name)][one.Name]
	return known.named(one.Name), found
}

func (t revokedToken) named(id string) Revocation {
	one := Revocation{Kind: KindToken, Name: id, Until: time.Unix(t.until, 0)}
	if t.by != (unique.Handle[string]{}) {
		one.By = t.by.Value()
	}
	return one
}

// hasToken says whether one token is revoked.
func (r *revoked) hasToken(id string) bool {
	_, found := r.tokens[r.part(id)][id]
	return found
}

// ends says whether what was issued at a time to or by a label is revoked.
func (r *revoked) ends(what origin, issued time.Time) bool {
	one, found := r.labels[scopeOf(what.kind, what.label)]
	return found && !issued.After(one.IssuedUntil)
}

// endsHolder says by which revocation what was issued at a time to somebody is
// revoked. A source whose JWTs are an account's ends the account's tokens, too:
// which of its proofs it had shown, a token does not say.
func (r *revoked) endsHolder(from origin, holder *account, issued time.Time) (by origin, ended bool) {
	if r.ends(from, issued) {
		return from, true
	}
	if holder == nil {
		return by, false
	}
	for _, jwt := range holder.jwts {
		if r.ends(jwt.source, issued) {
			return jwt.source, true
		}
	}
	return by, false
}

// checkRevoked says why a token of a provider, issued to a holder at a time, is
// not taken any more. It stands on the path of every bearer token and makes
// nothing where there is nothing to refuse.
func (e *Engine) checkRevoked(p *provider, holder *identity, tokenID string, issued time.Time) error {
	now := e.deps.Revocations.current.Load()
	if now == nil {
		return nil
	}
	if now.hasToken(tokenID) {
		return fmt.Errorf("the token %s was revoked", shorten(tokenID, 80))
	}
	if len(now.labels) == 0 {
		return nil
	}
	by, ended := origin{KindProvider, p.label}, false
	if ended = now.ends(by, issued); !ended {
		by, ended = now.endsHolder(holder.origin, holder.account, issued)
	}
	for i := 0; i < len(holder.actors) && !ended; i++ {
		from, account, _ := e.originOf(holder.actors[i])
		by, ended = now.endsHolder(from, account, issued)
	}
	if !ended {
		return nil
	}
	return fmt.Errorf("the tokens of %s were revoked that were issued when it was, at %s, or before", by, issued.UTC().Format(time.RFC3339))
}

// all are the revocations; the tokens' lack At.
func (r *revoked) all() iter.Seq[Revocation] {
	return func(yield func(Revocation) bool) {
		if r == nil {
			return
		}
		for _, one := range r.labels {
			if !yield(one) {
				return
			}
		}
		for _, part := range r.tokens {
			for id, token := range part {
				if !yield(token.named(id)) {
					return
				}
			}
		}
	}
}
