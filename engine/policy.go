package engine

import (
	"context"
	"net/netip"
	"time"
)

// PolicyCompiler turns the source of a policy or a mapping into something that
// can be asked. Faults in the script come back as Findings, each at its own line
// of the file that holds the script. It is called from several goroutines.
type PolicyCompiler interface {
	CompilePolicy(PolicySource) (Policy, error)
	CompileMapping(MappingSource) (Mapping, error)
}

// Policy is a compiled policy, asked by any number of goroutines at once.
//
// Evaluate answers Pass only where the script returned the boolean true, and no
// error only where it returned true or false. Everything else (it threw, it ran
// out of time, it returned something else) is an error, which says so to the
// operator in one line and never holds a claim's value of the request beyond
// what the script itself put into its exception; beside it, Pass is false.
//
// Calls are the other policies that the script may ask, each by its label and
// the place of the call.
type Policy interface {
	Evaluate(ctx context.Context, in *PolicyInput) (Verdict, error)
	Calls() []Ref
}

// Verdict is what a policy says.
type Verdict struct {
	Pass     bool
	Messages []string // for people, in the order of the script; nil for none
	Log      []string // for the author of the policy; nil for none
}

// Mapping is a compiled mapping, asked by any number of goroutines at once.
//
// Map answers with the claims that the script returned: JSON-like, as
// ServiceAccount.Attributes, and nobody else's. Everything but an object of
// values that JSON has is an error of the same form as that of a policy.
type Mapping interface {
	Map(ctx context.Context, in *PolicyInput) (map[string]any, error)
	Calls() []Ref
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
	// Certificate is that by whose key JWT was verified; nil where no
	// certificate was.
	Certificate *PolicyCertificate
	// Policies are those that the script may ask, by label: at least those that
	// its Calls name.
	Policies map[string]Policy
}

// PolicyCertificate is what policies see of a certificate.
type PolicyCertificate struct {
	Subject     string // a distinguished name (RFC 4514)
	Issuer      string // the same
	Serial      string // lower-case hex
	NotAfter    time.Time
	Fingerprint string // SHA-256 of the certificate, lower-case hex
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
	// HeaderNames are the header fields that are let through, in lower case, and
	// Headers those of them that the request has; several of one name are joined
	// by ", " (RFC 9110 §5.2). Neither is changed.
	HeaderNames []string
	Headers     map[string]string
}
