package issuer

import (
	"encoding/json"
	"strconv"
	"time"
)

// Type is the JSON type of a claim's value, which decides what can be required
// of it: "true" is not true, and "1" is not 1. The zero value is none.
type Type uint8

// The types of claims. Values of decoded claims are string, bool, json.Number,
// []any and map[string]any.
const (
	String          Type = iota + 1
	Bool                 // true or false
	Number               // a JSON number, such as a date in seconds since 1970 (RFC 7519 §2)
	Strings              // a list of strings, even of one
	StringOrStrings      // one string or a list of them, as aud is (RFC 7519 §4.1.3)
	Object               // its members are claims of their own
	Objects              // a list of objects
)

// String names the type as a message says it.
func (t Type) String() string {
	names := [...]string{"unknown", "a string", "a boolean", "a number", "a list of strings", "a string or a list of strings", "an object", "a list of objects"}
	if int(t) >= len(names) {
		return names[0]
	}
	return names[t]
}

// Fits says whether a decoded value has the type. Null has none.
func (t Type) Fits(value any) bool {
	switch value := value.(type) {
	case string:
		return t == String || t == StringOrStrings
	case bool:
		return t == Bool
	case json.Number:
		return t == Number
	case map[string]any:
		return t == Object
	case []any:
		return t.fitsList(value)
	default:
		return false
	}
}

// Holds says whether a value of the type can be, or have as a member, what a
// decoded value is.
func (t Type) Holds(value any) bool { return t.Fits(value) || t.member().Fits(value) }

// member is the type of what a list of this type holds; 0 for what is no list.
func (t Type) member() Type {
	switch t {
	case Strings, StringOrStrings:
		return String
	case Objects:
		return Object
	default:
		return 0
	}
}

func (t Type) fitsList(list []any) bool {
	member := t.member()
	for _, value := range list {
		if !member.Fits(value) {
			return false
		}
	}
	return member != 0
}

// Kind is what a claim tells of. The zero value is none.
type Kind uint8

// The kinds of claims.
const (
	// Protocol is of the token itself: iss, aud, exp, jti and their like.
	Protocol Kind = iota + 1
	// Subject is sub, of which most issuers make a sentence of other claims,
	// whose form their customers may change.
	Subject
	// StableID is given once and to nobody else.
	StableID
	// MutableName may be changed, and then taken by somebody else. Claim.Stable
	// is what stands for the same.
	MutableName
	// Ref is the branch or tag that the code is from.
	Ref
	// Protection says whether the ref, or the environment, is protected.
	Protection
	// Commit is the hash of a commit.
	Commit
	// Event is what started the run, and details of it such as the branches of
	// a pull request.
	Event
	// Phase is what the run does, such as to plan or to apply.
	Phase
	// Actor is who started the run: a person, often, who leaves.
	Actor
	// Workflow is the file, or the step of it, that runs.
	Workflow
	// Environment is what is deployed to.
	Environment
	// Run is one of many alike: another time it is another value.
	Run
	// Runner is what the code runs on.
	Runner
	// Attribute is a property that others share, such as the visibility.
	Attribute
)

// String names the kind, as documentation says it.
func (k Kind) String() string {
	names := [...]string{"unknown", "protocol", "subject", "stable id", "mutable name", "ref", "protection", "commit", "event", "phase", "actor", "workflow", "environment", "run", "runner", "attribute"}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Claim is what is known of one claim. The slices must not be changed.
type Claim struct {
	// Path leads to it, one segment an object: "kubernetes.io",
	// "serviceaccount", "name". A name may hold dots.
	Path []string
	// Prefix says that the last segment is only how the names begin.
	Prefix bool
	Type   Type
	Kind   Kind
	// Nullable says that the value may be null, which fulfils no requirement.
	Nullable bool
	// When says, for people, in which tokens it is; empty where it is in every
	// token that has the object around it.
	When string
	// Stable is the path of the claim that stands for the same, or for what
	// this is a name within, and cannot come to stand for something else.
	Stable []string
	// PinsTenant says that to require a value of it names one of the tenants a
	// shared issuer signs for, or somebody within one. It says nothing of
	// patterns, which may still leave the tenant open.
	PinsTenant bool
}

// Always says whether every token that has the object around it has the claim.
func (c Claim) Always() bool { return c.When == "" }

// path is written in the profiles for a claim's Path.
func path(segments ...string) []string { return segments }

// exampleTime is a date of an example, so long after the token was issued.
func exampleTime(after time.Duration) json.Number {
	const issued = 1767225600 // 2026-01-01 00:00:00 UTC
	return json.Number(strconv.FormatInt(issued+int64(after/time.Second), 10))
}
