package engine

import (
	"errors"
	"net/netip"
	"time"

	"github.com/m2md/m2md/engine/oauth2"
)

// Outcome is how a decision ended.
type Outcome string

// The outcomes. Failed means that m2md itself could not decide (storage was
// unreadable, say), which lets nobody in.
const (
	Allowed Outcome = "allow"
	Denied  Outcome = "deny"
	Failed  Outcome = "error"
)

// Decision is the audit record of one decision: who, for what, by which rule,
// under which generation. It never holds a token, a hash or a password.
type Decision struct {
	Time       time.Time
	Duration   time.Duration
	RequestID  string
	Generation uint64
	ConfigHash string // Spec.Hash of the generation
	Door       string // "token", "forward_auth", "introspect" or "revoke"
	Provider   string // label; "" where none was found
	Grant      string // grant_type, as far as it is a known one
	Proof      string // "app_password", "jwt", "opaque_token", "access_token"; "" where none was read
	Subject    string // the identity; "" where nobody was recognised
	Source     string // oauth_source.github, service_account.ci, …: where the identity comes from
	Via        string // provider.loki, …: whose token was the proof; "" where none was
	Actor      string // the identity that acts on behalf of the subject; "" for none
	Rule       string // the access that let in; "skip_paths" where a path is open
	TokenID    string // jti of what was issued or shown
	ClientIP   netip.Addr
	Outcome    Outcome
	Reason     string        // why not; "" for Allowed
	Policies   []AskedPolicy // in the order in which they were asked, those that are not enforced too
	Messages   []string      // what policies that count told by message(), in order
	Input      DecisionInput
}

// AskedPolicy is a policy that was asked for a decision, and what it said.
type AskedPolicy struct {
	Policy  string // label
	Access  string // label of the access that asked; "" for forward_auth
	Verdict PolicyVerdict
	Shadow  bool   // it was asked, and did not count
	Reason  string // why it failed, in one line; "" where it did not
	// Messages are what it told by message(), and Log what it wrote by log().
	Messages, Log []string
}

// PolicyVerdict is what a policy said.
type PolicyVerdict string

// What a policy can say.
const (
	PolicyPassed PolicyVerdict = "pass"
	PolicyDenied PolicyVerdict = "deny"
	PolicyFailed PolicyVerdict = "error" // it threw, ran out of time, or returned something else
)

// DecisionInput is what a decision was made on, besides what the files say and
// what else stands in its Decision: enough to make it again under other files.
// It holds no token and nothing that proves anything.
type DecisionInput struct {
	// Claims are those of the JWT that was shown, or what its source told of an
	// opaque token; nil for an app password, and for a token that could not be
	// read. They are shared and must not be changed.
	Claims Claims
	// Verified says that somebody who is trusted here had signed them.
	Verified bool
	Actor    Claims   // of the token of who acts on the subject's behalf; nil for none
	Scopes   []string // as asked for
	Targets  []string // audience (RFC 8693) and resource (RFC 8707), as asked for
	HTTP     PolicyHTTP
}

// Auditor keeps decisions. Record is called once for each, from any goroutine,
// and must not keep the pointer.
type Auditor interface {
	Record(*Decision)
}

// Reject records that a door refused a request that it could not even parse.
func (e *Engine) Reject(caller Caller, err error) {
	e.conclude(e.begin(caller), err)
}

// conclude fills in how an attempt ended and records it.
func (e *Engine) conclude(a *attempt, err error) {
	var refusal *Refusal
	var public *oauth2.Error
	switch {
	case err == nil:
		a.Outcome = Allowed
	case errors.As(err, &refusal):
		a.Outcome, a.Reason = Denied, refusal.Reason
		if refusal.guess {
			e.deps.Guesses.failed(a.ClientIP, a.username, a.Time)
		}
	case errors.As(err, &public):
		a.Outcome, a.Reason = Denied, public.Description
	default:
		a.Outcome, a.Reason = Failed, shorten(err.Error(), maxReason)
	}
	a.Duration = e.deps.Now().Sub(a.Time)
	e.deps.Audit.Record(&a.Decision)
}
