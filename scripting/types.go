package scripting

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// TypesFile and TSConfigFile are the names under which Types and TSConfig are
// kept in the folder of a configuration.
const (
	TypesFile    = "m2md.d.ts"
	TSConfigFile = "tsconfig.json"
)

// TSConfig is a tsconfig.json for the folder of a configuration: editors
// complete by it, and tsc checks as strictly as it can.
func TSConfig() string {
	return `{
  "compilerOptions": {
    "strict": true,
    "noImplicitReturns": true,
    "noFallthroughCasesInSwitch": true,
    "noEmit": true,
    "target": "ES2022",
    "lib": ["ES2023"],
    "types": [],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
    "allowImportingTsExtensions": true,
    "resolveJsonModule": true,
    "isolatedModules": true,
    "allowJs": true
  },
  "include": ["**/*.ts"]
}
`
}

// Types declares, in TypeScript, what scripts of a configuration see: the
// request, by the sources that each script is asked about; inputs; the claims of
// the profiles of these sources; and the helpers. It needs no sound
// configuration: what is unknown has wide types.
func Types(spec engine.Spec) string {
	w := &typeWriter{spec: spec}
	w.line("// Written by `m2md schema --types`: write it again when sources, policies or")
	w.line("// mappings change, and change nothing here.")
	w.request()
	w.sources()
	w.scripts()
	w.helpers()
	return w.out.String()
}

type typeWriter struct {
	spec engine.Spec
	out  strings.Builder
}

func (w *typeWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.out, format+"\n", args...)
}

// memberTypes are the types of what requestMembers and their like name, and
// what is said of them. It is never changed.
var memberTypes = map[string][2]string{
	"request.context":                  {"PolicyContext<ScriptSource<L>>", "Who asks for what, and by what proof."},
	"request.user":                     {"PolicyUser", "Who asks."},
	"request.provider":                 {"ProviderLabel", "The label of the provider that is asked."},
	"request.http":                     {"PolicyHTTP", "Where it was asked."},
	"request.client_ip":                {"string | null", "The address of the client, or null where it is not known."},
	"request.time":                     {"string", "The time of the request: RFC 3339, UTC. There is no other clock."},
	"request.context.oauth_scopes":     {"readonly string[]", "The scopes that were asked for."},
	"request.context.oauth_grant_type": {"string", "The grant of the token endpoint; \"\" at forward-auth."},
	"request.context.actor":            {"string | null", "The identity that acts on behalf of the user (RFC 8693), or null."},
	"request.context.cert":             {"PolicyCertificate | null", "The certificate by whose key the JWT was verified, or null."},
	"request.context.registry":         {"null", "What is asked of a registry."},
	"request.context.cert.subject":     {"string", "The distinguished name of its subject."},
	"request.context.cert.issuer":      {"string", "The distinguished name of its issuer."},
	"request.context.cert.serial":      {"string", "Its serial number."},
	"request.context.cert.not_after":   {"string", "When it ends: RFC 3339, UTC."},
	"request.context.cert.fingerprint": {"string", "The SHA-256 of it."},
	"request.user.username":            {"string", "The identity: an account's name, or SOURCE/sub."},
	"request.user.name":                {"string", "The name for people."},
	"request.user.groups":              {"readonly string[]", "The groups of the account; none of a JWT's identity."},
	"request.user.attributes":          {"Readonly<Record<string, unknown>>", "The attributes of the account; none of a JWT's identity."},
	"request.http.door":                {"string", "Where m2md was asked, as in the decision log."},
	"request.http.method":              {"string", "At forward-auth, that of the guarded request."},
	"request.http.host":                {"string", "At forward-auth, that of the guarded request."},
	"request.http.path":                {"string", "At forward-auth, that of the guarded request."},
	"request.http.client_ip":           {"string | null", "The address of the client, or null where it is not known."},
	"request.http.headers":             {"Readonly<Record<string, string | null>>", "The header fields that policy_headers names, in lower case; null where the request has none."},
}

// RequestMembers are the paths of all that a script sees in every request, such
// as request.context.source.
func RequestMembers() []string {
	var all []string
	var walk func(c *closed)
	walk = func(c *closed) {
		for _, name := range c.names {
			all = append(all, c.path+"."+name)
			if inner := c.members[name]; inner != nil {
				walk(inner)
			}
		}
	}
	walk(requestShape)
	return all
}

// members writes those of one object.
func (w *typeWriter) members(path string, names []string) {
	for _, name := range names {
		kind, known := memberTypes[path+"."+name]
		if !known {
			continue // oauth_jwt, JWT and source, which depend on each other
		}
		w.line("  /** %s */", kind[1])
		w.line("  readonly %s: %s;", name, kind[0])
	}
}

// request declares what is the same in every configuration.
func (w *typeWriter) request() {
	w.line("\n/** What the script with that label sees of a request; without a label, what any script sees. */")
	w.line("interface PolicyRequest<L extends ScriptLabel = ScriptLabel> {")
	w.members("request", requestMembers)
	w.line("}\n\ninterface PolicyUser {")
	w.members("request.user", userMembers)
	w.line("}\n\ninterface PolicyHTTP {")
	w.members("request.http", httpMembers)
	w.line("}\n\ninterface PolicyCertificate {")
	w.members("request.context.cert", certMembers)
	w.line("}\n\ninterface AnyContext {")
	w.members("request.context", contextMembers)
	w.line("}\n")
	w.line("/** By its source, a context tells which claims there are: compare source first. */")
	w.line("type PolicyContext<S extends SourceLabel | null = SourceLabel | null> = S extends SourceLabel ? SourceContext<S> : OtherContext;\n")
	w.line("interface SourceContext<S extends SourceLabel> extends AnyContext {")
	w.line("  /** The label of the source or certificate whose token was shown. */")
	w.line("  readonly source: S;")
	w.line("  /** The claims of the token that was shown. */")
	w.line("  readonly oauth_jwt: Sources[S];")
	w.line("  readonly JWT: Sources[S];\n}\n")
	w.line("/** The proof was none of a source: an app password, or a token of m2md's own. */")
	w.line("interface OtherContext extends AnyContext {")
	w.line("  readonly source: null;")
	w.line("  readonly oauth_jwt: Claims | null;")
	w.line("  readonly JWT: Claims | null;\n}\n")
	w.line("/** Claims of which nothing is known but RFC 7519. Whole numbers beyond 2^53 are strings. */")
	w.line("interface Claims {")
	w.line("  readonly iss?: string;\n  readonly sub?: string;\n  readonly aud?: string | readonly string[];\n  readonly exp?: number;\n  readonly nbf?: number;\n  readonly iat?: number;\n  readonly jti?: string;")
	w.line("  readonly [claim: string]: unknown;\n}\n")
	w.line("/** What a mapping returns: claims beside those of RFC 9068, which it cannot set. */")
	w.line("type MappedClaims = { readonly [claim: string]: unknown };")
}

// sources declares who signs, and what.
func (w *typeWriter) sources() {
	profiles := map[string]issuer.Profile{}
	w.line("\n/** The claims of the tokens of each source and certificate. */\ninterface Sources {")
	for _, s := range w.spec.Sources {
		claims := "Claims"
		if profile, ok := issuer.Lookup(s.Profile); ok {
			profiles[profile.Name] = profile
			claims = claimsName(profile)
		}
		w.line("  readonly %s: %s;", strconv.Quote(s.Label), claims)
	}
	for _, c := range w.spec.Certificates {
		w.line("  readonly %s: Claims;", strconv.Quote(c.Label))
	}
	w.line("}\n\ntype SourceLabel = keyof Sources;")
	w.line("type ProviderLabel = %s;", union(labels(w.spec.Providers, func(p engine.Provider) string { return p.Label })))
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		w.profile(profiles[name])
	}
}

// claimsName is the name of the interface of a profile's claims.
func claimsName(p issuer.Profile) string {
	var name strings.Builder
	for word := range strings.SplitSeq(p.Name, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String() + "Claims"
}

func (w *typeWriter) profile(p issuer.Profile) {
	w.line("\n/** The claims that %s signs. */\ninterface %s {", p.Title, claimsName(p))
	w.claims(p, nil, "  ")
	w.line("}")
}

// claims writes the claims within an object, or the outermost.
func (w *typeWriter) claims(p issuer.Profile, path []string, indent string) {
	for _, c := range p.Claims() {
		last := len(c.Path) - 1
		if !slices.Equal(c.Path[:last], path) {
			continue
		}
		w.line("%s/** %s */", indent, claimDoc(c))
		if c.Prefix {
			w.line("%sreadonly [claim: `%s${string}`]: %s | undefined;", indent, c.Path[last], claimType(c.Type))
			continue
		}
		optional, null := "", ""
		if !c.Always() {
			optional = "?"
		}
		if c.Nullable {
			null = " | null"
		}
		if c.Type == issuer.Object && len(p.Members(c.Path...)) > 0 {
			w.line("%sreadonly %s%s: {", indent, property(c.Path[last]), optional)
			w.claims(p, c.Path, indent+"  ")
			w.line("%s}%s;", indent, null)
			continue
		}
		w.line("%sreadonly %s%s: %s%s;", indent, property(c.Path[last]), optional, claimType(c.Type), null)
	}
	if len(path) == 0 && p.Customized {
		w.line("%s/** Whoever runs the issuer can add claims. */", indent)
		w.line("%sreadonly [claim: string]: unknown;", indent)
	}
}

// claimDoc says of a claim what a policy's author must know.
func claimDoc(c issuer.Claim) string {
	doc := strings.ToUpper(c.Kind.String()[:1]) + c.Kind.String()[1:]
	if c.When != "" {
		doc += ", " + c.When
	}
	doc += "."
	if c.Kind == issuer.MutableName && c.Stable != nil {
		doc += " Who owns it may change: " + strings.Join(c.Stable, ".") + " stays."
	}
	if c.Nullable {
		doc += " It may be null."
	}
	return strings.ReplaceAll(doc, "*/", "*")
}

func claimType(t issuer.Type) string {
	switch t {
	case issuer.String:
		return "string"
	case issuer.Bool:
		return "boolean"
	case issuer.Number:
		return "number"
	case issuer.Strings:
		return "readonly string[]"
	case issuer.StringOrStrings:
		return "string | readonly string[]"
	case issuer.Object:
		return "Readonly<Record<string, unknown>>"
	case issuer.Objects:
		return "readonly Readonly<Record<string, unknown>>[]"
	default:
		return "unknown"
	}
}

// property is a name as an interface has it.
func property(name string) string {
	for i, r := range name {
		if r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r)) && (i == 0 || !unicode.IsDigit(r)) {
			return strconv.Quote(name)
		}
	}
	return name
}

// scripts declares, for each policy and mapping, its inputs and the sources that
// it is asked about.
func (w *typeWriter) scripts() {
	w.line("\n/** The inputs of each policy and mapping, and whose tokens it is asked about. */\ninterface Scripts {")
	told := map[string]bool{}
	one := func(label string, inputs map[string]any, ref engine.Ref) {
		if told[label] { // a policy and a mapping of one name: what fits either
			return
		}
		told[label] = true
		w.line("  readonly %s: { readonly inputs: %s; readonly source: %s };", strconv.Quote(label), valueType(inputs), union(w.askedAbout(ref)))
	}
	for _, p := range w.spec.Policies {
		one(p.Label, p.Inputs, engine.Ref{Kind: engine.KindPolicy, Label: p.Label})
	}
	for _, m := range w.spec.Mappings {
		one(m.Label, m.Inputs, engine.Ref{Kind: engine.KindMapping, Label: m.Label})
	}
	w.line("}\n\ntype ScriptLabel = keyof Scripts;")
	w.line("type ScriptSource<L extends ScriptLabel> = [L] extends [never] ? SourceLabel | null : Scripts[L][\"source\"];")
	w.line("\n/** The inputs of the policy or mapping with that label. */\ntype Inputs<L extends ScriptLabel> = Scripts[L][\"inputs\"];")
}

// Sources are those whose tokens a policy or mapping is asked about, in the
// order of the files; others says that it is asked about other proofs, too.
func Sources(spec engine.Spec, script engine.Ref) (sources []engine.Ref, others bool) {
	see := func(refs []engine.Ref) {
		for _, ref := range refs {
			ref.At = engine.Range{}
			switch {
			case ref.Kind != engine.KindOAuthSource && ref.Kind != engine.KindCertificate:
				others = true
			case !slices.Contains(sources, ref):
				sources = append(sources, ref)
			}
		}
	}
	uses := func(refs []engine.Ref) bool {
		return slices.ContainsFunc(refs, func(r engine.Ref) bool { return r.Kind == script.Kind && r.Label == script.Label })
	}
	for _, p := range spec.Providers {
		everywhere := uses(p.Mappings) || p.ForwardAuth != nil && uses(p.ForwardAuth.Policies)
		for _, a := range p.Accesses {
			if everywhere || uses(a.Policies) {
				see(a.From)
			}
		}
	}
	for _, a := range spec.Accounts { // whose JWTs are proof of an account
		for _, j := range a.JWTs {
			if j.Source != nil && others {
				see([]engine.Ref{*j.Source})
			}
		}
	}
	return sources, others
}

// askedAbout is Sources in TypeScript. A script that nothing uses is asked
// about any.
func (w *typeWriter) askedAbout(script engine.Ref) []string {
	sources, others := Sources(w.spec, script)
	if len(sources) == 0 && !others {
		return []string{"SourceLabel", "null"}
	}
	var all []string
	for _, ref := range sources {
		if w.declared(ref) {
			all = append(all, strconv.Quote(ref.Label))
		}
	}
	if others {
		all = append(all, "null")
	}
	return all
}

func (w *typeWriter) declared(ref engine.Ref) bool {
	if ref.Kind == engine.KindCertificate {
		return slices.ContainsFunc(w.spec.Certificates, func(c engine.VerificationCertificate) bool { return c.Label == ref.Label })
	}
	return slices.ContainsFunc(w.spec.Sources, func(s engine.OAuthSource) bool { return s.Label == ref.Label })
}

func labels[T any](all []T, label func(T) string) []string {
	var names []string
	for _, one := range all {
		if name := strconv.Quote(label(one)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// union is the type of what is any of these; string where there is none.
func union(types []string) string {
	if len(types) == 0 {
		return "string"
	}
	return strings.Join(types, " | ")
}

// valueType is the type of an input, not its value, which may be a secret.
func valueType(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		members := labels(v, func(one any) string { return valueType(one) })
		for i := range members {
			members[i], _ = strconv.Unquote(members[i])
		}
		return "readonly (" + union(members) + ")[]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("readonly %s: %s", property(name), valueType(v[name])))
		}
		return "{ " + strings.Join(parts, "; ") + " }"
	default:
		return "null"
	}
}

// helperTypes are the signatures of the helpers, and what they do. It is never
// changed.
var helperTypes = map[string][2]string{
	"regexMatch":    {"(text: string, pattern: string): boolean", "Whether the whole text matches the pattern (RE2)."},
	"regexReplace":  {"(text: string, pattern: string, replacement: string): string", "The text with every part that matches the pattern (RE2) replaced; $1 is a group, $& the part."},
	"glob":          {"(text: string, pattern: string): boolean", "Whether the whole text matches the pattern, in which * stands for anything but a slash."},
	"ipInNetwork":   {"(ip: string, networks: string | readonly string[]): boolean", "Whether an address lies in a network, or in one of a list of them, in CIDR form."},
	"isGroupMember": {"(...groups: string[]): boolean", "Whether the account is in one of the groups."},
	"slugify":       {"(text: string): string", "The text in lower case, with - for all that is neither letter nor digit."},
	"listFlatten":   {"<T>(value: T | readonly T[]): T | null", "The first element of a list, null of an empty one, and what is no list as it is."},
	"message":       {"(text: string): void", "Tells why, in the decision log, and the client where the provider allows it."},
	"log":           {"(text: string): void", "Tells something in the decision log."},
	"callPolicy":    {"(label: string): boolean", "What another policy answers to the same request. The label is written out."},
}

func (w *typeWriter) helpers() {
	w.line("")
	for _, name := range helperNames {
		w.line("/** %s */\ndeclare function %s%s;", helperTypes[name][1], name, helperTypes[name][0])
	}
}
