package engine

import (
	"context"
	"net/netip"
	"time"
)

// PolicyCompiler turns a policy's source into something that can be asked.
// Faults in the script come back as Findings, each at its own line of the file
// that holds the script. It is called from several goroutines.
type PolicyCompiler interface {
	CompilePolicy(PolicySource) (Policy, error)
}

// Policy is a compiled policy, asked by any number of goroutines at once.
//
// Evaluate answers true only where the script returned the boolean true, and
// (false, nil) only where it returned the boolean false. Everything else (it
// threw, it ran out of time, it returned something else) is (false, err),
// where err says so to the operator in one line and never holds a claim's
// value of the request beyond what the script itself put into its exception.
type Policy interface {
	Evaluate(ctx context.Context, in *PolicyInput) (bool, error)
}

// PolicyInput is what a policy sees of a request. Scripts can read but not
// change it.
type PolicyInput struct {
	JWT       Claims   // of the token that was shown; nil where the proof was another
	Scopes    []string // as asked for
	GrantType string   // RFC 6749 §4; "" at forward-auth
	Source    string   // label of the source or certificate whose token was shown; "" where the proof was another
	Actor     string   // the identity that acts on behalf of the user (RFC 8693 §1.1); "" for none
	User      PolicyUser
	Provider  string // label
	HTTP      PolicyHTTP
	Time      time.Time
}

// PolicyUser is who asks.
type PolicyUser struct {
	Name        string // the identity: an account's name, or SOURCE/sub
	DisplayName string
	Groups      []string
	Attributes  map[string]any
}

// PolicyHTTP is where it was asked. At forward-auth, Method, Host and Path are
// those of the guarded request; "" where the proxy did not say.
type PolicyHTTP struct {
	Door     string // as in Decision
	Method   string
	Host     string
	Path     string
	ClientIP netip.Addr // the zero value where unknown
}
