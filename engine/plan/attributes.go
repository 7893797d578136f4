package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// block is one block of a side, with what the files give of it.
type block struct {
	kind  engine.Kind // of a top-level block
	name  string      // as Change.Block
	label string
	decl  engine.Decl
	attrs []attribute
	inner []*block
}

// attribute is one value as Go has it; its zero value is not given.
type attribute struct {
	name  string
	value any
	where []string // the attributes that may give it; nil for name
}

// side is one revision, by its blocks.
type side struct {
	Revision
	tops      []*block
	byName    map[string]*block // inner ones, too
	sources   map[string]*engine.OAuthSource
	certs     map[string]*engine.VerificationCertificate
	accounts  map[string]*engine.ServiceAccount
	policies  map[string]*engine.PolicySource
	provided  map[string]*engine.Provider
	everyRule string // of all policies, for those that ask others
}

func newSide(r Revision) *side {
	s := &side{
		Revision: r, byName: map[string]*block{}, sources: map[string]*engine.OAuthSource{}, certs: map[string]*engine.VerificationCertificate{},
		accounts: map[string]*engine.ServiceAccount{}, policies: map[string]*engine.PolicySource{}, provided: map[string]*engine.Provider{},
	}
	spec := &s.Spec
	s.top("", "server", spec.Server.Decl, serverAttributes(spec.Server), tlsBlock(spec.Server))
	s.top("", "metrics", spec.Metrics.Decl, []attribute{{name: "listen", value: spec.Metrics.Listen}})
	s.top("", "decision_log", spec.DecisionLog.Decl, decisionLogAttributes(spec.DecisionLog))
	s.top("", "storage", spec.Storage.Decl, storageAttributes(spec.Storage))
	for _, one := range spec.SigningKeys {
		s.top(engine.KindSigningKey, "", one.Decl, signingKeyAttributes(one))
	}
	for i := range spec.Certificates {
		one := &spec.Certificates[i]
		s.certs[one.Label] = one
		s.top(engine.KindCertificate, "", one.Decl, append(trustAttributes(one.Trust), fileAttribute("certificate", one.Certificate)))
	}
	for i := range spec.Sources {
		one := &spec.Sources[i]
		s.sources[one.Label] = one
		s.top(engine.KindOAuthSource, "", one.Decl, sourceAttributes(one))
	}
	for i := range spec.Accounts {
		one := &spec.Accounts[i]
		s.accounts[one.Label] = one
		s.top(engine.KindServiceAccount, "", one.Decl, accountAttributes(one), accountBlocks(one)...)
	}
	for i := range spec.Policies {
		one := &spec.Policies[i]
		s.policies[one.Label] = one
		s.top(engine.KindPolicy, "", one.Decl, []attribute{scriptAttribute(one.Script), {name: "inputs", value: one.Inputs}, {name: "shadow_until", value: one.ShadowUntil}})
	}
	for _, one := range spec.Mappings {
		s.top(engine.KindMapping, "", one.Decl, []attribute{scriptAttribute(one.Script), {name: "inputs", value: one.Inputs}})
	}
	for i := range spec.Providers {
		one := &spec.Providers[i]
		s.provided[one.Label] = one
		s.top(engine.KindProvider, "", one.Decl, providerAttributes(one), providerBlocks(one)...)
	}
	all := sha256.New()
	for _, label := range slices.Sorted(maps.Keys(s.policies)) {
		p := s.policies[label]
		fmt.Fprintf(all, "%q %q %q\n", label, s.canonical(scriptAttribute(p.Script), p.Decl, nil), s.canonical(attribute{name: "inputs", value: p.Inputs}, p.Decl, nil))
	}
	s.everyRule = hex.EncodeToString(all.Sum(nil))
	return s
}

// top adds a block that stands in a file by itself, where it does.
func (s *side) top(kind engine.Kind, word string, d engine.Decl, attrs []attribute, inner ...*block) {
	if kind == "" && d.At == (engine.Range{}) {
		return
	}
	b := &block{kind: kind, name: word, label: d.Label, decl: d, attrs: attrs}
	if kind != "" {
		b.name = string(kind) + "." + d.Label
	}
	for _, one := range inner {
		if one != nil {
			one.name = b.name + " " + one.name
			b.inner = append(b.inner, one)
			s.byName[one.name] = one
		}
	}
	s.tops = append(s.tops, b)
	s.byName[b.name] = b
}

func serverAttributes(v engine.Server) []attribute {
	proxies := prefixes(v.TrustedProxies)
	if v.TrustUnix {
		proxies = append(proxies, "unix")
	}
	return []attribute{
		{name: "listen", value: v.Listen}, {name: "external_url", value: v.ExternalURL}, {name: "issuer_mode", value: v.IssuerMode},
		{name: "trusted_proxies", value: setOf(proxies)}, {name: "max_connections", value: v.MaxConnections},
	}
}

func tlsBlock(v engine.Server) *block {
	if v.TLS == nil {
		return nil
	}
	return &block{name: "tls", decl: v.TLS.Decl, attrs: []attribute{fileAttribute("certificate", v.TLS.Certificate), fileAttribute("private_key", v.TLS.PrivateKey)}}
}

func decisionLogAttributes(v engine.DecisionLog) []attribute {
	return []attribute{
		{name: "output", value: v.Output}, {name: "path", value: v.Path}, {name: "max_size", value: v.MaxSize}, {name: "keep", value: v.Keep},
		{name: "keep_for", value: v.KeepFor}, {name: "syslog", value: v.Syslog}, {name: "sample_allow", value: v.SampleAllow},
		{name: "omit_claims", value: setOf(v.OmitClaims)}, {name: "record_input", value: recordWord(v.OmitInput)},
	}
}

func recordWord(omits bool) string {
	if omits {
		return "false"
	}
	return ""
}

func storageAttributes(v engine.Storage) []attribute {
	return []attribute{
		{name: "engine", value: v.Engine}, {name: "path", value: v.Path},
		fileAttribute("key_encryption_key", v.KeyEncryption), fileAttribute("previous_key_encryption_key", v.PreviousEncryption),
	}
}

func signingKeyAttributes(v engine.SigningKey) []attribute {
	return []attribute{
		{name: "algorithm", value: v.Algorithm}, {name: "rotate_every", value: v.RotateEvery}, fileAttribute("private_key", v.PrivateKey),
		fileAttribute("password", v.Password), fileAttribute("also_publish", v.AlsoPublish),
	}
}

func trustAttributes(t engine.Trust) []attribute {
	return []attribute{
		{name: "issuer", value: t.Issuer}, {name: "allow_any_issuer", value: t.AllowAnyIssuer}, {name: "audiences", value: setOf(t.Audiences)},
		{name: "allow_any_audience", value: t.AllowAnyAudience}, {name: "require_claims", value: t.Require}, {name: "leeway", value: t.Leeway},
		{name: "max_token_age", value: t.MaxTokenAge}, {name: "replay", value: onceWord(t.UseOnce)},
	}
}

func onceWord(once bool) string {
	if once {
		return "once"
	}
	return ""
}

func sourceAttributes(v *engine.OAuthSource) []attribute {
	secret := engine.File{Path: v.Opaque.SecretPath, Content: v.Opaque.ConsumerSecret}
	return append([]attribute{
		{name: "profile", value: v.Profile}, {name: "trust_domain", value: v.TrustDomain}, fileAttribute("oidc_jwks", v.JWKS),
		{name: "oidc_jwks_url", value: v.JWKSURL}, {name: "oidc_well_known_url", value: v.WellKnownURL}, {name: "allow_http", value: v.AllowHTTP},
		fileAttribute("ca", v.CA), {name: "introspection_url", value: v.Opaque.IntrospectionURL}, {name: "consumer_key", value: v.Opaque.ConsumerKey},
		fileAttribute("consumer_secret", secret), {name: "profile_url", value: v.Opaque.ProfileURL}, {name: "subject_claim", value: v.Opaque.SubjectClaim},
	}, trustAttributes(v.Trust)...)
}

func accountAttributes(v *engine.ServiceAccount) []attribute {
	return []attribute{
		{name: "display_name", value: v.DisplayName}, {name: "groups", value: setOf(v.Groups)}, {name: "attributes", value: v.Attributes},
	}
}

func accountBlocks(v *engine.ServiceAccount) []*block {
	var inner []*block
	if rules := v.AppPasswords; rules.At != (engine.Range{}) || rules.MaxAge != 0 || rules.MaxActive != 0 || rules.AllowedCIDRs != nil {
		inner = append(inner, &block{name: "app_passwords", decl: rules.Decl, attrs: []attribute{
			{name: "max_age", value: rules.MaxAge}, {name: "max_active", value: rules.MaxActive}, {name: "allowed_cidrs", value: setOf(prefixes(rules.AllowedCIDRs))},
		}})
	}
	for i, j := range v.JWTs {
		inner = append(inner, &block{name: fmt.Sprintf("jwt %d", i+1), decl: j.Decl, attrs: []attribute{
			{name: "source", value: refsOf(j.Source)}, {name: "require_claims", value: j.Require},
		}})
	}
	return inner
}

func providerAttributes(v *engine.Provider) []attribute {
	return []attribute{
		{name: "client_id", value: v.ClientID}, {name: "audience", value: setOf(v.Audience)}, {name: "scopes", value: setOf(v.Scopes)},
		{name: "access_token_ttl", value: time.Duration(v.AccessTokenTTL)}, {name: "signing_key", value: refsOf(v.SigningKey)}, {name: "mappings", value: v.Mappings},
		{name: "policy_messages", value: v.PolicyMessages}, {name: "compat", value: v.Compat}, {name: "issuer_mode", value: v.IssuerMode},
		{name: "sub", value: v.Subject}, {name: "not_after_input", value: v.NotAfterInput}, {name: "allowed_origins", value: setOf(v.AllowedOrigins)},
		{name: "claims", value: v.Claims},
	}
}

func providerBlocks(v *engine.Provider) []*block {
	var inner []*block
	for _, a := range v.Accesses {
		inner = append(inner, &block{name: "access." + a.Label, label: a.Label, decl: a.Decl, attrs: []attribute{
			{name: "from", value: refSet(a.From)}, {name: "require_claims", value: a.Require}, {name: "policies", value: refSet(a.Policies)},
			{name: "policy_mode", value: modeWord(a.Mode)}, {name: "allow_any_subject", value: a.AllowAnySubject},
		}})
	}
	if f := v.ForwardAuth; f != nil {
		var accept []string
		if f.AcceptInput {
			accept = append(accept, "input_jwt")
		}
		if f.AcceptOpaque {
			accept = append(accept, "opaque_token")
		}
		inner = append(inner, &block{name: "forward_auth", decl: f.Decl, attrs: []attribute{
			{name: "external_host", value: f.ExternalHost}, {name: "skip_paths", value: setOf(f.SkipPaths)}, {name: "accept", value: setOf(accept)},
			{name: "policies", value: refSet(f.Policies)}, {name: "policy_mode", value: modeWord(f.Mode)}, {name: "policy_headers", value: setOf(f.PolicyHeaders)},
		}})
	}
	return inner
}

func modeWord(m engine.PolicyMode) string {
	if m == engine.AnyPolicy {
		return "any"
	}
	return ""
}

// setOf is a list whose order says nothing.
type setOf []string

// refSet is the same of references.
type refSet []engine.Ref

func refsOf(one *engine.Ref) []engine.Ref {
	if one == nil {
		return nil
	}
	return []engine.Ref{*one}
}

func prefixes(all []netip.Prefix) []string {
	var texts []string
	for _, one := range all {
		texts = append(texts, one.String())
	}
	return texts
}

// fileAttribute is material that one of two attributes gives.
func fileAttribute(name string, f engine.File) attribute {
	return attribute{name, f, []string{name, name + "_file"}}
}

func scriptAttribute(s engine.Script) attribute {
	return attribute{"script", s, []string{"script", "script_file"}}
}

// given is under which name the files give an attribute; "" where they do not.
func (a attribute) given(d engine.Decl) string {
	if a.where == nil {
		if d.Has(a.name) {
			return a.name
		}
		return ""
	}
	for _, name := range a.where {
		if d.Has(name) {
			return name
		}
	}
	return ""
}

// at is where an attribute stands.
func (a attribute) at(d engine.Decl) engine.Range { return d.AttrAt(a.given(d)) }

// canonical is a text that two values share only where they mean the same. It
// holds secrets, and is never shown.
func (s *side) canonical(a attribute, d engine.Decl, rename map[string]string) string {
	name := a.given(d)
	if name != "" && d.Unknown[name] {
		at := d.Attrs[name]
		if s.Written != nil {
			if how := s.Written(at); how != "" {
				return "unknown " + how
			}
		}
		return fmt.Sprintf("unknown %s %s", s.Root, at) // the same as nothing else
	}
	switch v := a.value.(type) {
	case engine.File:
		if v.Content == "" {
			return ""
		}
		sum := sha256.Sum256([]byte(v.Content))
		return hex.EncodeToString(sum[:])
	case engine.Script:
		return s.canonicalScript(v)
	case refSet:
		names := make([]string, 0, len(v))
		for _, ref := range v {
			names = append(names, renamedRef(ref, rename))
		}
		slices.Sort(names)
		return strings.Join(slices.Compact(names), " ")
	case []engine.Ref:
		names := make([]string, 0, len(v))
		for _, ref := range v {
			names = append(names, renamedRef(ref, rename))
		}
		return strings.Join(names, " ")
	default:
		return write(a.value)
	}
}

func renamedRef(ref engine.Ref, rename map[string]string) string {
	if now, is := rename[ref.String()]; is {
		return now
	}
	return ref.String()
}

// canonicalScript leaves out where a script stands, but not what it imports
// from where.
func (s *side) canonicalScript(v engine.Script) string {
	if v.Text == "" {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q\n", strings.TrimSpace(v.Text), path.Ext(v.Path))
	below := path.Dir(v.Path)
	for _, name := range slices.Sorted(maps.Keys(v.Modules)) {
		fmt.Fprintf(sum, "%q %q\n", strings.TrimPrefix(name, below), v.Modules[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// shown is a value as people see it; "" where it is not given.
func (s *side) shown(a attribute, d engine.Decl) string {
	name := a.given(d)
	switch {
	case name == "":
		return ""
	case d.Unknown[name]:
		return "(not known here)"
	case d.Sensitive[name]:
		return Hidden
	}
	switch v := a.value.(type) {
	case engine.File:
		if v.Path != "" {
			return "the content of " + strconv.Quote(v.Path)
		}
		if a.name == "oidc_jwks" || a.name == "certificate" {
			return "(not shown)"
		}
		return Hidden
	case engine.Script:
		lines := strings.Count(strings.TrimSpace(v.Text), "\n") + 1
		return fmt.Sprintf("a script of %d lines", lines)
	default:
		return write(a.value)
	}
}

// write is a value as the language writes it, in one line; "" for the zero
// value, which is that of an attribute that is not given.
func write(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return ""
		}
		return strconv.Quote(v)
	case bool:
		if !v {
			return ""
		}
		return "true"
	case int:
		if v == 0 {
			return ""
		}
		return strconv.Itoa(v)
	case int64:
		if v == 0 {
			return ""
		}
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Duration:
		if v == 0 {
			return ""
		}
		return strconv.Quote(duration(v))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return strconv.Quote(v.UTC().Format(time.RFC3339))
	case setOf:
		sorted := slices.Sorted(slices.Values(v))
		return writeTexts(slices.Compact(sorted))
	case refSet:
		return writeRefs(v)
	case []engine.Ref:
		return writeRefs(v)
	case map[string]any:
		if len(v) == 0 {
			return ""
		}
		return writeJSON(v)
	case *engine.Requirement:
		if v == nil {
			return ""
		}
		return writeRequirement(*v)
	default:
		return fmt.Sprintf("%v", v)
	}
}

// duration is such as 15m, without parts that are zero.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func writeTexts(all []string) string {
	if len(all) == 0 {
		return ""
	}
	quoted := make([]string, len(all))
	for i, one := range all {
		quoted[i] = strconv.Quote(one)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func writeRefs[S ~[]engine.Ref](all S) string {
	if len(all) == 0 {
		return ""
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.String()
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func writeJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "(not shown)"
	}
	return string(text)
}

func writeRequirement(r engine.Requirement) string {
	switch {
	case r.Fields != nil:
		var all []string
		for _, f := range r.Fields {
			all = append(all, writeName(f.Name)+" = "+writeRequirement(f.Requirement))
		}
		return "{ " + strings.Join(all, ", ") + " }"
	case r.AnyOf != nil:
		var all []string
		for _, one := range r.AnyOf {
			all = append(all, writeRequirement(one))
		}
		slices.Sort(all)
		return "[" + strings.Join(all, ", ") + "]"
	case r.Pattern != nil:
		return "pattern(" + strconv.Quote(r.Pattern.String()) + ")"
	default:
		return writeJSON(r.Equal)
	}
}

// plainName is one that needs no quotes.
var plainName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

func writeName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

// Attributes are those that are compared, by the names of the blocks around
// them, for whoever holds them against the language.
func Attributes() map[string][]string {
	full := engine.Spec{
		Server: engine.Server{Decl: engine.Decl{At: engine.Range{File: "x"}}, TLS: &engine.TLS{}}, Metrics: engine.Metrics{Decl: engine.Decl{At: engine.Range{File: "x"}}},
		DecisionLog: engine.DecisionLog{Decl: engine.Decl{At: engine.Range{File: "x"}}}, Storage: engine.Storage{Decl: engine.Decl{At: engine.Range{File: "x"}}},
		SigningKeys: make([]engine.SigningKey, 1), Certificates: make([]engine.VerificationCertificate, 1), Sources: make([]engine.OAuthSource, 1),
		Accounts: []engine.ServiceAccount{{AppPasswords: engine.AppPasswordRules{MaxActive: 1}, JWTs: make([]engine.AccountJWT, 1)}}, Policies: make([]engine.PolicySource, 1), Mappings: make([]engine.MappingSource, 1),
		Providers: []engine.Provider{{Accesses: make([]engine.Access, 1), ForwardAuth: &engine.ForwardAuth{}}},
	}
	all := map[string][]string{}
	for _, b := range newSide(Revision{Spec: full}).byName {
		name := strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(b.name, ". ", " "), "."), " jwt 1", " jwt")
		for _, a := range b.attrs {
			all[name] = append(all[name], a.name)
			all[name] = append(all[name], a.where...)
		}
	}
	return all
}
