package engine

import (
	"log/slog"
	"net/netip"
	"time"
)

// Spec is a whole configuration as plain data: what the files say, before
// anything was checked beyond the form of each value. It is what hcl.Load
// returns and what Compile takes. Slices are in the order of the files
// (sorted by path) and of the blocks in them.
type Spec struct {
	Server       Server
	Metrics      Metrics
	DecisionLog  DecisionLog
	Storage      Storage
	SigningKeys  []SigningKey
	Certificates []VerificationCertificate
	Sources      []OAuthSource
	Accounts     []ServiceAccount
	Policies     []PolicySource
	Mappings     []MappingSource
	Providers    []Provider
	// Tests are for `m2md test` and those who judge: serving ignores them.
	Tests []Test

	// Hash is the SHA-256, in hex, of the configuration files and scripts:
	// their names and contents, but nothing that file() or a *_file attribute
	// read, so that it can be shown and compared between machines.
	Hash string
	// Fingerprint changes whenever anything that was read changes, what file()
	// and the *_file attributes read included. It is never shown.
	Fingerprint [32]byte
	// Incomplete says that values were absent and allowed to be
	// (--allow-missing-secrets): fit to be validated, never to be served.
	Incomplete bool
}

// Kind is what a block declares, in the word that the language uses for it.
type Kind string

// The kinds that others refer to.
const (
	KindSigningKey     Kind = "signing_key"
	KindCertificate    Kind = "verification_certificate"
	KindOAuthSource    Kind = "oauth_source"
	KindServiceAccount Kind = "service_account"
	KindPolicy         Kind = "policy"
	KindMapping        Kind = "mapping"
	KindProvider       Kind = "provider"
)

// Decl is what every declared thing knows of its place in the files.
type Decl struct {
	// Label is the block's name; "" for blocks without one, such as server.
	Label string
	// At is the block's header. The zero value means that no file declares it
	// and that the values are defaults.
	At Range
	// Attrs are the places of the attribute values that the files give.
	Attrs map[string]Range
	// Unknown are the attributes whose value was absent and allowed to be:
	// given, but not to be checked.
	Unknown map[string]bool
	// Sensitive are the attributes whose value came from env() or file(), at
	// least in part: no output may show it.
	Sensitive map[string]bool
}

// AttrAt is the place of an attribute's value, or of the block where the
// attribute is not given.
func (d Decl) AttrAt(name string) Range {
	if r, ok := d.Attrs[name]; ok {
		return r
	}
	return d.At
}

// Has says whether the files give the attribute, be its value known or not.
func (d Decl) Has(name string) bool {
	_, ok := d.Attrs[name]
	return ok
}

// Ref is a reference by one declared thing to another, such as
// oauth_source.github. Whether it exists is for Compile to say.
type Ref struct {
	Kind  Kind
	Label string
	At    Range
}

// String gives the reference as the language writes it.
func (r Ref) String() string { return string(r.Kind) + "." + r.Label }

// Secret is a value that no output may show: every way of printing it gives
// "(sensitive)".
type Secret string

// String hides the value from fmt.
func (Secret) String() string { return "(sensitive)" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "(sensitive)" }

// LogValue hides the value from log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("(sensitive)") }

// MarshalText hides the value from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("(sensitive)"), nil }

// File is material that the configuration brings: the content of a file that a
// *_file attribute names, or of the attribute that may stand in its place. The
// zero value is none.
type File struct {
	Path    string // as the author wrote it; "" where the content stood in the attribute
	Content Secret
}

// Server is the listener that clients and proxies talk to. Without a block,
// Listen is 127.0.0.1:9440.
type Server struct {
	Decl
	Listen         string         // HOST:PORT, or unix:///PATH
	ExternalURL    string         // base of the issuer, without a slash at its end; "" where not given
	IssuerMode     string         // of providers that say nothing; "" for m2md
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-* and X-Original-* count
	TrustUnix      bool           // peers on a unix socket count as trusted proxies
	MaxConnections int            // of clients at a time; 0 for DefaultMaxConnections
	TLS            *TLS           // nil: plain HTTP
}

// DefaultMaxConnections is Server.MaxConnections where the files say nothing.
const DefaultMaxConnections = 10_000

// TLS is the certificate chain and key of a listener, as PEM.
type TLS struct {
	Decl
	Certificate File
	PrivateKey  File
}

// Metrics is the listener for /metrics and health. Listen "" means none.
type Metrics struct {
	Decl
	Listen string
}

// Storage chooses where state is kept. The zero value is bbolt's file m2md.db
// in the state folder.
type Storage struct {
	Decl
	Engine string // "bolt" (also for ""), or "memory"
	Path   string // of the file; "" for the state folder's
	// KeyEncryption encrypts the signing keys that are kept; PreviousEncryption
	// is what did so before. The zero value: they are not, or were not.
	KeyEncryption, PreviousEncryption File
}

// SigningKey is a key that signs what m2md issues: kept in storage under its
// label, or brought along.
type SigningKey struct {
	Decl
	Algorithm   string        // a JWS algorithm (RFC 7518 §3.1); "" means what the brought key is for, or ES256
	RotateEvery time.Duration // of kept keys: how long each signs; 0 until an operator asks for another
	PrivateKey  File          // PEM (PKCS #8, PKCS #1, SEC 1), JWK or PKCS #12; the zero value for kept keys
	Password    File          // of PKCS #12
	AlsoPublish File          // public keys that are published and verify, too: PEM, or a JWK set
}

// Trust is what must hold of a JWT of some issuer, besides its signature.
type Trust struct {
	Issuer           string // compared byte for byte with iss
	AllowAnyIssuer   bool   // in the place of Issuer
	TrustDomain      string // of the SPIFFE ID that sub is; in the place of Issuer, or beside it
	Audiences        []string
	AllowAnyAudience bool // in the place of Audiences
	// Require is what the claims must be; nil asks nothing.
	Require *Requirement
	// Leeway is how far the issuer's clock may differ, at most MaxLeeway.
	Leeway time.Duration
	// MaxTokenAge is how long ago a token may have been issued; 0 for no bound.
	MaxTokenAge time.Duration
	// UseOnce takes each token once (replay = "once").
	UseOnce bool
}

// MaxLeeway bounds Trust.Leeway.
const MaxLeeway = 60 * time.Second

// VerificationCertificate is a certificate, chain or bare public key whose
// owner signs input JWTs.
type VerificationCertificate struct {
	Decl
	Trust
	Certificate File // PEM
}

// OAuthSource is an issuer of input JWTs that publishes its keys.
type OAuthSource struct {
	Decl
	Trust
	Profile      string // of engine/issuer; "" for none
	JWKS         File   // oidc_jwks or oidc_jwks_file
	JWKSURL      string
	WellKnownURL string
	Opaque       OpaqueTokens
	AllowHTTP    bool // what is fetched may be fetched without TLS
	CA           File // PEM: the roots for what is fetched; the zero value for the system's
}

// OpaqueTokens say how a source is asked about tokens that only it can read.
// At most one of the URLs is set; with neither, such tokens are refused.
type OpaqueTokens struct {
	IntrospectionURL string // RFC 7662
	ConsumerKey      string // m2md's client_id there
	ConsumerSecret   Secret
	SecretPath       string // of the file that ConsumerSecret is from, as in File
	ProfileURL       string // of what OpenID Connect calls userinfo
	SubjectClaim     string // the member of the answer that says who; "" for sub
}

// ServiceAccount is a machine that m2md itself knows.
type ServiceAccount struct {
	Decl
	DisplayName  string
	Groups       []string
	Attributes   map[string]any // JSON-like: string, bool, json.Number, []any, map[string]any
	AppPasswords AppPasswordRules
	JWTs         []AccountJWT
}

// AccountJWT lets the owner of some input JWTs in as a service account.
type AccountJWT struct {
	Decl
	Source  *Ref         // an oauth_source or a verification_certificate; nil where it was refused
	Require *Requirement // what the claims must be
}

// AppPasswordRules bound an account's app passwords. The zero value bounds nothing.
type AppPasswordRules struct {
	Decl
	MaxAge    time.Duration // since creation; 0 for no bound
	MaxActive int           // neither expired, revoked nor on their way out; 0 for no bound
	// AllowedCIDRs are from where they may be used; nil for from anywhere.
	AllowedCIDRs []netip.Prefix
}

// Script is JavaScript as written: the body of function(request, inputs), or a
// module.
type Script struct {
	Text string
	// At is where the first character of Text stands; its File is the script's
	// own where there is a script_file.
	At Range
	// Indent is how many characters a <<- heredoc took off the start of each
	// line of Text, so that columns can be told.
	Indent int
	// Path is the script_file as ranges name it; "" for a script that stands in
	// the configuration.
	Path string
	// Modules are the files that the script imports, and those that these do, by
	// their names, which are of the form of Path.
	Modules map[string]string
}

// Import is what a script imports of another file.
type Import struct {
	Name string // as written, relative to the file that says it, with slashes
	At   Range
}

// PolicySource is a policy as written.
type PolicySource struct {
	Decl
	Script Script
	Inputs map[string]any // JSON-like, as ServiceAccount.Attributes
	// ShadowUntil is until when the policy is asked and what it says is
	// recorded, but not enforced; the zero value: it is enforced.
	ShadowUntil time.Time
}

// MappingSource is a mapping as written: a script that returns claims.
type MappingSource struct {
	Decl
	Script Script
	Inputs map[string]any // JSON-like, as ServiceAccount.Attributes
}

// PolicyMode says how several policies of an access combine. The zero value
// is AllPolicies.
type PolicyMode int

const (
	AllPolicies PolicyMode = iota // every policy must pass
	AnyPolicy                     // one policy must pass
)

// Provider is something that tokens are issued for, or that is guarded.
type Provider struct {
	Decl
	ClientID       string         // "" for the label
	Audience       []string       // nil for the client ID
	Scopes         []string       // what may be granted; nil for none
	AccessTokenTTL Lifetime       // 0 for DefaultLifetime
	SigningKey     *Ref           // nil for the only or default key
	Compat         string         // "authentik", or ""
	IssuerMode     string         // "m2md", "authentik" or "global"; "" for what Compat implies
	Subject        string         // "identity" (also for ""), "input" or "hashed"
	NotAfterInput  bool           // what is issued ends no later than what was shown
	Claims         map[string]any // of every issued token; JSON-like, as ServiceAccount.Attributes
	Mappings       []Ref          // what adds claims to issued tokens, in order: the later wins
	PolicyMessages bool           // clients that are not let in are told what policies say of it
	AllowedOrigins []string       // of pages that may ask, as browsers write them (RFC 6454 §6.1)
	Accesses       []Access
	ForwardAuth    *ForwardAuth // nil: not guarded by forward-auth
}

// Access is one way to be let in.
type Access struct {
	Decl
	From            []Ref
	Require         *Requirement
	Policies        []Ref
	Mode            PolicyMode
	AllowAnySubject bool // no claim and no policy need narrow a shared issuer
}

// ForwardAuth guards a host behind a proxy that asks m2md about each request.
type ForwardAuth struct {
	Decl
	ExternalHost string   // lower case, with a port only where clients use one
	SkipPaths    []string // exact, or ending in /*
	AcceptInput  bool     // accept = ["input_jwt"]: input JWTs count at the door
	AcceptOpaque bool     // accept = ["opaque_token"]: opaque tokens of a source, too
	Policies     []Ref
	Mode         PolicyMode
	// PolicyHeaders are the names of the header fields of the guarded request
	// that policies see.
	PolicyHeaders []string
}
