package rehearse

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// token makes the token that From shows.
func (p *play) token() (proof, error) {
	signer, declared := p.rehearsal.stage.signers[engine.Ref{Kind: p.From.Kind, Label: p.From.Label}]
	if !declared {
		return proof{}, fmt.Errorf("%s is not declared", p.From)
	}
	claims, err := p.claims(signer)
	if err != nil {
		return proof{}, err
	}
	p.result.Shown = claims
	if signer.opaque {
		token, err := p.rehearsal.stage.teller.issue(p.rehearsal.deps.Random, claims)
		return proof{opaque: token}, err
	}
	token, err := signer.mint(claims)
	return proof{jwt: token}, err
}

// claims are those of the token: what its issuer usually says, with the changes
// of the case.
func (p *play) claims(s *signer) (map[string]any, error) {
	claims := p.Claims
	if !p.WholeClaims {
		tokenID, err := random(p.rehearsal.deps.Random, 16)
		if err != nil {
			return nil, err
		}
		usual := s.usual(p.now.Add(-p.Age))
		if _, has := usual["jti"]; has {
			usual["jti"] = tokenID
		}
		claims = Patch(usual, p.Claims)
	}
	return datedFrom(claims, p.now)
}

// usualLifetime is what tokens have from iat to exp where nothing is known of
// their issuer.
const usualLifetime = 5 * time.Minute

// usual are the claims of a token that was issued then.
func (s *signer) usual(issued time.Time) map[string]any {
	claims := s.profile.Example()
	if claims == nil {
		return s.usualOfAny(issued)
	}
	if was, ok := date(claims["iat"]); ok {
		for _, name := range []string{"iat", "nbf", "exp"} {
			if then, ok := date(claims[name]); ok {
				claims[name] = number(issued.Unix() + then - was)
			}
		}
	}
	s.address(claims)
	return claims
}

// usualOfAny are those of RFC 7519 §4.1.
func (s *signer) usualOfAny(issued time.Time) map[string]any {
	claims := map[string]any{
		"iss": "https://issuer.invalid", "sub": "machine", "aud": unknownAudience, "jti": "",
		"iat": number(issued.Unix()), "exp": number(issued.Add(usualLifetime).Unix()),
	}
	s.address(claims)
	return claims
}

// address makes claims those of this source, for m2md.
func (s *signer) address(claims map[string]any) {
	if s.Issuer != "" {
		claims["iss"] = s.Issuer
	}
	if len(s.Audiences) > 0 {
		if _, list := claims["aud"].([]any); list {
			claims["aud"] = []any{s.Audiences[0]}
		} else {
			claims["aud"] = s.Audiences[0]
		}
	}
	if s.TrustDomain != "" {
		path := "/machine"
		if sub, _ := claims["sub"].(string); sub != "" {
			if id, err := engine.ParseSPIFFEID(sub); err == nil {
				path = id.Path
			}
		}
		claims["sub"] = engine.SPIFFEID{TrustDomain: s.TrustDomain, Path: path}.String()
	}
}

// Patch is claims with changes: a JSON merge patch (RFC 7396), in which nil
// removes. Neither is changed.
func Patch(claims, changes map[string]any) map[string]any {
	patched := maps.Clone(claims)
	if patched == nil {
		patched = map[string]any{}
	}
	for name, value := range changes {
		switch value := value.(type) {
		case nil:
			delete(patched, name)
		case map[string]any:
			within, _ := patched[name].(map[string]any)
			patched[name] = Patch(within, value)
		default:
			patched[name] = value
		}
	}
	return patched
}

// datedFrom puts numbers in the place of times that are written as text.
func datedFrom(claims map[string]any, now time.Time) (map[string]any, error) {
	cloned := false
	for _, name := range []string{"iat", "nbf", "exp"} {
		text, isText := claims[name].(string)
		if !isText {
			continue
		}
		then, err := ParseTime(text, now)
		if err != nil {
			return nil, fmt.Errorf("the claim %q: %w", name, err)
		}
		if !cloned {
			claims, cloned = maps.Clone(claims), true
		}
		claims[name] = number(then.Unix())
	}
	return claims, nil
}

// ParseTime reads a time as the claims of a case have it: RFC 3339, or a
// duration from now on, such as "-5m".
func ParseTime(text string, now time.Time) (time.Time, error) {
	if length, err := time.ParseDuration(strings.TrimPrefix(text, "+")); err == nil {
		return now.Add(length), nil
	}
	then, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf(`a time is a number, a duration such as "-5m", or of the form "2026-12-24T10:00:00Z"`)
	}
	return then, nil
}

// date is a whole NumericDate (RFC 7519 §2).
func date(claim any) (int64, bool) {
	seconds, ok := claim.(json.Number)
	if !ok {
		return 0, false
	}
	whole, err := seconds.Int64()
	return whole, err == nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
