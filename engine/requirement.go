package engine

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
)

// Claims are the members of a JWT's payload, decoded once: string, bool,
// json.Number, nil, []any and map[string]any. They are shared between
// goroutines and must never be changed.
type Claims map[string]any

// Requirement is what a claim must be, as require_claims writes it. Exactly
// one of its fields is set.
type Requirement struct {
	Fields  []FieldRequirement // an object: each of these claims, all of them
	AnyOf   []Requirement      // a list: any of these
	Equal   any                // a string, bool or json.Number of the same type and value
	Pattern *Pattern
}

// FieldRequirement asks something of one member of an object.
type FieldRequirement struct {
	Name string
	// At is where the files ask it; the zero value where that is not known.
	At Range
	Requirement
}

// Pattern is an RE2 expression that a whole string must match. The zero value
// is invalid.
type Pattern struct {
	source string
	re     *regexp.Regexp
}

// maxPattern bounds the length of a pattern's source in bytes.
const maxPattern = 1024

// ErrPattern is wrapped by the errors of ParsePattern.
var ErrPattern = errors.New("invalid pattern")

// ParsePattern compiles an RE2 expression (https://github.com/google/re2/wiki/Syntax)
// that is matched against the whole of a string.
func ParsePattern(source string) (*Pattern, error) {
	if source == "" || len(source) > maxPattern {
		return nil, errors.Join(ErrPattern, errors.New("it must have between 1 and 1024 bytes"))
	}
	// Compiled alone first: "a)(b" is only an expression between our brackets.
	if _, err := regexp.Compile(source); err != nil {
		return nil, errors.Join(ErrPattern, err)
	}
	re, err := regexp.Compile(`\A(?:` + source + `)\z`)
	if err != nil {
		return nil, errors.Join(ErrPattern, err)
	}
	return &Pattern{source: source, re: re}, nil
}

// Match says whether the whole of s matches.
func (p *Pattern) Match(s string) bool { return p.re.MatchString(s) }

// String gives the expression as it was written.
func (p *Pattern) String() string { return p.source }

// Match says whether the claims fulfil r. A nil r asks nothing.
func (r *Requirement) Match(claims Claims) bool {
	return r == nil || r.match(map[string]any(claims))
}

// Fulfils says whether one value of decoded claims fulfils r.
func (r *Requirement) Fulfils(value any) bool { return r.match(value) }

// match decides for one value. A list in the claims matches by containment:
// one of its members must fulfil r.
func (r *Requirement) match(value any) bool {
	if list, ok := value.([]any); ok {
		for _, member := range list {
			if _, nested := member.([]any); !nested && r.match(member) {
				return true
			}
		}
		return false
	}
	switch {
	case r.Fields != nil:
		return matchFields(r.Fields, value)
	case r.AnyOf != nil:
		for i := range r.AnyOf {
			if r.AnyOf[i].match(value) {
				return true
			}
		}
		return false
	case r.Pattern != nil:
		s, ok := value.(string)
		return ok && r.Pattern.Match(s)
	default:
		return equalValue(r.Equal, value)
	}
}

func matchFields(fields []FieldRequirement, value any) bool {
	object, ok := value.(map[string]any)
	if !ok {
		return false
	}
	for i := range fields {
		member, present := object[fields[i].Name]
		if !present || !fields[i].match(member) {
			return false
		}
	}
	return true
}

// equalValue compares without any conversion between types: "true" is not true.
func equalValue(want, got any) bool {
	switch want := want.(type) {
	case string:
		got, ok := got.(string)
		return ok && got == want
	case bool:
		got, ok := got.(bool)
		return ok && got == want
	case json.Number:
		got, ok := got.(json.Number)
		return ok && equalNumber(want, got)
	default:
		return false
	}
}

// maxExactFloat is 2^53: up to it, a float64 holds every whole number.
const maxExactFloat = 1 << 53

// equalNumber compares by value, so that 1 equals 1.0; beyond 2^53 only whole
// numbers are compared, exactly, as a float would take neighbours for equal,
// and beyond int64 only digits.
func equalNumber(a, b json.Number) bool {
	if a == b { // whatever their size
		return true
	}
	i, errI := strconv.ParseInt(a.String(), 10, 64)
	j, errJ := strconv.ParseInt(b.String(), 10, 64)
	if errI == nil && errJ == nil {
		return i == j
	}
	x, errX := strconv.ParseFloat(a.String(), 64)
	y, errY := strconv.ParseFloat(b.String(), 64)
	small := x < maxExactFloat && x > -maxExactFloat
	return errX == nil && errY == nil && small && x == y
}
