package engine

import (
	"strings"
	"time"
	"unicode"
)

// Test is one case of a test block: what is asked, and what must come of it.
// Tests never decide anything: serving does not look at them.
type Test struct {
	Decl // Label is free text
	// Key is that of for_each; "" without one.
	Key string
	Case
	Expect Expectation
}

// Name is the test's, as --run and reports have it: one line, without what a
// terminal or a runner that reads the report could take for a command.
func (t Test) Name() string {
	name := t.Label
	if t.Key != "" {
		name += "/" + t.Key
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}

// Case is somebody who asks: what is shown, where, and when. It is asked in a
// rehearsal, with keys and passwords made for it.
type Case struct {
	Provider string // label
	// From is whose proof is shown: a source or certificate, which signs a
	// token, or an account, which has an app password. The zero value shows
	// nothing, which is for forward-auth only.
	From Ref
	// Claims change what tokens of From have: a JSON merge patch (RFC 7396), in
	// the types of decoded claims, where nil removes a claim. An exp, nbf or iat
	// that is a string is a time: RFC 3339, or a duration from Now on.
	Claims map[string]any
	// WholeClaims says that Claims are all that the token has.
	WholeClaims bool
	// Age is how long before Now the token, or the app password, was made.
	Age time.Duration
	// Via is the provider whose token is shown to Provider, got for From's; ""
	// where From's itself is.
	Via string
	// ShownBefore are providers at whose token endpoint the same was shown
	// before, in their order.
	ShownBefore []string
	Scopes      []string  // as asked for
	Door        string    // DoorForwardAuth, or else the token endpoint
	Request     Request   // the zero value says nothing of it
	Now         time.Time // the only time of the case; zero for that of the rehearsal
}

// Request is what a Case says of the request itself.
type Request struct {
	Decl
	PolicyHTTP
	// Header are the fields of the guarded request, under their canonical names.
	Header map[string][]string
	// Shows is what is shown at forward-auth.
	Shows Showing
}

// Showing is what a request to a guarded service shows. The zero value is
// ShowsToken.
type Showing int

const (
	ShowsToken   Showing = iota // an access token that was got for the proof
	ShowsProof                  // the proof itself: the source's token, or the app password
	ShowsNothing                // no credentials
)

// DoorForwardAuth is the door of guarded services, in the words of Decision.
const DoorForwardAuth = "forward_auth"

// Expectation is what must come of a Case. The zero value of each field but
// Outcome expects nothing.
type Expectation struct {
	Outcome  Outcome      // Allowed or Denied
	Access   string       // that lets in
	Claims   *Requirement // of what is issued; lists are compared as a whole
	DeniedBy string       // what says no: policy.NAME, or one of Denials
	Error    string       // the code that the client is told (RFC 6749 §5.2)
	Messages []string     // of policies, each somewhere
}

// Denials are the words for what can say no besides a policy, in the order of
// the pipeline.
func Denials() []string {
	var words []string
	for _, one := range denials() {
		words = append(words, one.word)
	}
	return words
}

// DeniedBy are the words for what said no on the way that a trace tells of.
func DeniedBy(t Trace) []string {
	var words []string
	named, let := false, false
	for _, step := range t.Steps {
		if step.Supposed {
			continue
		}
		named = named || step.Stage == StageAccess
		let = let || step.Stage == StageAccess && step.Outcome == StepPassed
		for _, one := range denials() {
			if step.Outcome == StepFailed && one.stage == step.Stage && strings.HasPrefix(step.Subject, one.of) {
				words = append(words, one.word)
				break
			}
		}
	}
	if named && !let {
		words = append(words, "access")
	}
	return words
}

// denial is a word for steps of a stage that failed, of what begins so.
type denial struct {
	word  string
	stage Stage
	of    string
}

func denials() []denial {
	return []denial{
		{"credentials", StageProof, ""},
		{"app_password", StageSource, string(KindServiceAccount) + "."},
		{"issuer", StageSource, ""},
		{"signature", StageSignature, ""},
		{"times", StageTimes, ""},
		{"subject", StageSubject, ""},
		{"audience", StageAudience, ""},
		{"access", StageAccess, ""}, // no access names who asks
		{"require_claims", StageClaim, ""},
		{"mapping", StageMapping, ""},
		{"replay", StageReplay, ""},
	}
}
