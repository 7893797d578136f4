package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// maxSubject bounds sub in bytes. SPIFFE IDs, the longest known, have up to 2,048.
const maxSubject = 2048

// issuedSkew is how far ahead an issuer's clock may be when it says iat.
const issuedSkew = 60 * time.Second

// text returns a claim that must be a string when it is there.
func (c Claims) text(name string) (string, error) {
	value, present := c[name]
	if !present {
		return "", nil
	}
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("the claim %q is not a string", name)
	}
	return s, nil
}

// maxAhead is how far ahead the end of a token may be. Those of CI systems end
// within hours, those of clusters within a year; one without an end in sight
// would be a password (RFC 7523 §3).
const maxAhead = 366 * 24 * time.Hour

// maxNumericDate is the last second of the year 9999.
const maxNumericDate = 253402300799

// numericDate returns a NumericDate (RFC 7519 §2); the zero time where the
// claim is absent.
func (c Claims) numericDate(name string) (time.Time, error) {
	value, present := c[name]
	if !present {
		return time.Time{}, nil
	}
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, fmt.Errorf("the claim %q is not a number", name)
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return time.Time{}, fmt.Errorf("the claim %q is not a date before the year 10000", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// audience returns aud, which is one string or a list of them (RFC 7519 §4.1.3).
func (c Claims) audience() ([]string, error) {
	switch value := c["aud"].(type) {
	case nil:
		return nil, nil
	case string:
		return []string{value}, nil
	case []any:
		all := make([]string, 0, len(value))
		for _, member := range value {
			s, ok := member.(string)
			if !ok {
				return nil, errors.New(`the claim "aud" holds something that is not a string`)
			}
			all = append(all, s)
		}
		return all, nil
	default:
		return nil, errors.New(`the claim "aud" is neither a string nor a list`)
	}
}

// timeRules are what a source asks of the times of its tokens. The zero value
// asks what holds for all.
type timeRules struct {
	leeway time.Duration // how far the issuer's clock may differ
	maxAge time.Duration // since iat; 0 for no bound
	// endless takes a token without exp.
	endless bool
}

// checkTimes refuses a token outside its time. exp is required, and now is
// already too late: "must not be now or in the past".
func (c Claims) checkTimes(now time.Time, rules timeRules) (expiry time.Time, err error) {
	expiry, err = c.numericDate("exp")
	if err != nil {
		return expiry, err
	}
	if expiry.IsZero() && !rules.endless {
		return expiry, errors.New(`the claim "exp" is missing`)
	}
	if !expiry.IsZero() && !now.Before(expiry.Add(rules.leeway)) {
		return expiry, fmt.Errorf("it expired at %s", expiry.UTC().Format(time.RFC3339))
	}
	if now.Add(maxAhead).Before(expiry) {
		return expiry, fmt.Errorf("it expires at %s, more than a year ahead", expiry.UTC().Format(time.RFC3339))
	}
	from, err := c.numericDate("nbf")
	if err != nil {
		return expiry, err
	}
	if now.Add(rules.leeway).Before(from) {
		return expiry, fmt.Errorf("it is not valid before %s", from.UTC().Format(time.RFC3339))
	}
	issued, err := c.numericDate("iat")
	if err != nil {
		return expiry, err
	}
	if now.Add(issuedSkew).Before(issued) {
		return expiry, fmt.Errorf("it was issued in the future, at %s", issued.UTC().Format(time.RFC3339))
	}
	return expiry, rules.checkAge(now, issued)
}

// checkAge refuses what was issued too long ago, and what does not say when.
func (r timeRules) checkAge(now, issued time.Time) error {
	switch {
	case r.maxAge == 0:
		return nil
	case issued.IsZero():
		return errors.New(`the claim "iat" is missing, and max_token_age asks for it`)
	case now.After(issued.Add(r.maxAge + r.leeway)):
		return fmt.Errorf("it was issued at %s, longer ago than max_token_age allows", issued.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkAudience refuses a token that is meant for nobody of wanted.
func (c Claims) checkAudience(wanted []string) error {
	given, err := c.audience()
	if err != nil {
		return err
	}
	for _, one := range given {
		if slices.Contains(wanted, one) {
			return nil
		}
	}
	return fmt.Errorf("its audience %q is none of the accepted", given)
}

// subject returns sub.
func (c Claims) subject() (string, error) {
	sub, err := c.text("sub")
	if err != nil {
		return "", err
	}
	return sub, checkSubject("sub", sub)
}

// holder returns the claim that says who holds a token: a string, or a whole
// number in digits, as services without OpenID Connect number their users.
func (c Claims) holder(name string) (string, error) {
	number, ok := c[name].(json.Number)
	if ok && !strings.ContainsAny(number.String(), ".eE-") {
		return number.String(), nil
	}
	holder, err := c.text(name)
	if err != nil {
		return "", fmt.Errorf("the claim %q is neither a string nor a whole number", name)
	}
	return holder, checkSubject(name, holder)
}

// checkSubject judges what becomes part of the identity, and so of headers and
// logs: control characters are refused rather than carried there.
func checkSubject(name, sub string) error {
	switch {
	case sub == "":
		return fmt.Errorf("the claim %q is missing or empty", name)
	case len(sub) > maxSubject:
		return fmt.Errorf("the claim %q is longer than 2048 bytes", name)
	case strings.ContainsFunc(sub, isControl):
		return fmt.Errorf("the claim %q holds a control character or is not UTF-8", name)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' || 0x80 <= r && r < 0xA0 }
