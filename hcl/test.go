package hcl

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/m2md/m2md/engine"
)

// maxTestName is the length of a test's name in characters, and maxCases how
// many cases one block may have.
const (
	maxTestName = 200
	maxCases    = 10_000
)

func testBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "test", Labelled: true,
			Doc: "What the configuration is expected to decide. Its label is free text. It is run by m2md test, and the daemon ignores it; it may also stand in a file whose name ends in .m2mdtest.hcl, which the daemon does not read.",
		},
		naming: testName,
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "for_each", Type: TypeTable, Doc: "A table of cases: the block counts once for each member, whose name is each.key and whose value each.value. In its values, references such as policy.NAME may stand. An attribute whose value is null then counts as left out."}},
			{AttributeDoc: AttributeDoc{Name: "provider", Type: TypeReference, Required: true, Kinds: []engine.Kind{engine.KindProvider}, Doc: "Where it is asked."}},
			{AttributeDoc: AttributeDoc{Name: "source", Type: TypeReference, Kinds: []engine.Kind{engine.KindOAuthSource}, Doc: "Whose token is shown. It is signed by a throw-away key that stands in the place of the source's."}},
			{AttributeDoc: AttributeDoc{Name: "certificate", Type: TypeReference, Kinds: []engine.Kind{engine.KindCertificate}, Doc: "The same, for a certificate."}},
			{AttributeDoc: AttributeDoc{Name: "account", Type: TypeReference, Kinds: []engine.Kind{engine.KindServiceAccount}, Doc: "Whose app password is shown."}},
			{AttributeDoc: AttributeDoc{Name: "claims", Type: TypeChanges, Doc: "What the token has that is different from what tokens of the source's profile usually have. Objects are merged, and null takes a claim away (RFC 7396). exp, nbf and iat may be written as \"-5m\" or \"2026-12-24T10:00:00Z\"."}},
			{AttributeDoc: AttributeDoc{Name: "age", Type: TypeDuration, Default: "0s", Doc: "How long ago the token, or the app password, was made."}, inRange: notNegative},
			{AttributeDoc: AttributeDoc{Name: "via", Type: TypeReference, Kinds: []engine.Kind{engine.KindProvider}, Doc: "The provider whose token is got first, and shown."}},
			{AttributeDoc: AttributeDoc{Name: "shown_before", Type: TypeReferences, Kinds: []engine.Kind{engine.KindProvider}, Doc: "The providers to which the same token, or app password, was shown before."}},
			{AttributeDoc: AttributeDoc{Name: "scopes", Type: TypeStrings, Doc: "What is asked for."}},
			{AttributeDoc: AttributeDoc{Name: "door", Type: TypeString, Default: "token", Words: []string{"token", engine.DoorForwardAuth}, Doc: "Whether the token endpoint is asked, or the guarded service, with a token that is got first."}},
			{AttributeDoc: AttributeDoc{Name: "at", Type: TypeString, Default: "now", Constraint: "RFC 3339.", Doc: "The time at which it is asked."}, check: checkTime},
			{AttributeDoc: AttributeDoc{Name: "expect", Type: TypeString, Required: true, Words: []string{"allow", "deny"}, Doc: "What is decided."}},
			{AttributeDoc: AttributeDoc{Name: "expect_access", Type: TypeString, Doc: "The label of the access that lets in; skip_paths where a path is open."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "expect_claims", Type: TypeRequirement, Doc: "What the claims of the issued token are, among others. pattern() stands for text, and a list for just that list."}},
			{AttributeDoc: AttributeDoc{Name: "denied_by", Type: TypeDenial, Words: engine.Denials(), Kinds: []engine.Kind{engine.KindPolicy}, Doc: "What says no: a policy, or a part of the pipeline."}},
			{AttributeDoc: AttributeDoc{Name: "expect_error", Type: TypeString, Words: engine.ErrorCodes(), Doc: "The code that the client is told (RFC 6749 §5.2)."}},
			{AttributeDoc: AttributeDoc{Name: "expect_messages", Type: TypeStrings, Filled: true, Doc: "What policies tell by message(), each as a part of one."}, check: notEmpty},
		},
		choices: []choice{{names: []string{"source", "certificate", "account"}, required: true, unless: []string{"door"}}},
		blocks:  []*block{requestBlock()},
		decode:  func(v *values, spec *engine.Spec) { spec.Tests = append(spec.Tests, decodeTest(v)) },
	}
}

func requestBlock() *block {
	return &block{
		BlockDoc: BlockDoc{Name: "request", Single: true, Doc: "The request itself. But for client_ip, it is that to the guarded service."},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "method", Type: TypeString, Default: "GET", Doc: "Of the guarded request."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "path", Type: TypeString, Default: "/", Doc: "Of the guarded request."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "host", Type: TypeString, Default: "the external_host", Doc: "Of the guarded request."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "headers", Type: TypeObject, Doc: "Of the request, each a string. Policies see those that policy_headers of forward_auth names; at the token endpoint, user-agent."}, texts: true},
			{AttributeDoc: AttributeDoc{Name: "client_ip", Type: TypeString, Default: "192.0.2.1", Doc: "Where it comes from."}, check: checkAddress},
			{AttributeDoc: AttributeDoc{Name: "credential", Type: TypeString, Default: "access_token", Words: []string{"access_token", "proof", "none"}, Doc: "What is shown: a token that is got for the proof, the source's token or the app password itself, or nothing."}},
		},
	}
}

func decodeTest(v *values) engine.Test {
	t := engine.Test{Decl: v.decl, Key: v.key, Case: engine.Case{
		Provider: v.label("provider"),
		Claims:   v.object("claims"),
		Age:      v.duration("age"),
		Via:      v.label("via"),
		Scopes:   v.strs("scopes"),
		Now:      parseTime(v.str("at")),
	}, Expect: engine.Expectation{
		Outcome:  engine.Outcome(v.str("expect")),
		Access:   v.str("expect_access"),
		Claims:   v.requirement("expect_claims"),
		DeniedBy: v.str("denied_by"),
		Error:    v.str("expect_error"),
		Messages: v.strs("expect_messages"),
	}}
	for _, name := range []string{"source", "certificate", "account"} {
		if ref := v.reference(name); ref != nil {
			t.From = *ref
		}
	}
	for _, ref := range v.references("shown_before") {
		t.ShownBefore = append(t.ShownBefore, ref.Label)
	}
	if v.str("door") == engine.DoorForwardAuth {
		t.Door = engine.DoorForwardAuth
	}
	if request := v.one("request"); request != nil {
		t.Request = decodeRequest(request)
	}
	return t
}

func decodeRequest(v *values) engine.Request {
	r := engine.Request{Decl: v.decl, Shows: showings()[v.str("credential")]}
	r.Method, r.Path, r.Host = v.str("method"), v.str("path"), v.str("host")
	if from := v.str("client_ip"); from != "" {
		r.ClientIP = netip.MustParseAddr(from)
	}
	for name, value := range v.object("headers") {
		if r.Header == nil {
			r.Header = map[string][]string{}
		}
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value.(string)}
	}
	return r
}

func showings() map[string]engine.Showing {
	return map[string]engine.Showing{"": engine.ShowsToken, "access_token": engine.ShowsToken, "proof": engine.ShowsProof, "none": engine.ShowsNothing}
}

// label is that of a reference; "" for none.
func (v *values) label(name string) string {
	if ref := v.reference(name); ref != nil {
		return ref.Label
	}
	return ""
}

// testName judges the label of a test: anything that can be read on one line.
func testName(s string) fault {
	if strings.TrimSpace(s) != s || s == "" || utf8.RuneCountInString(s) > maxTestName || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault{summary: "name in a wrong form", detail: fmt.Sprintf("A test is named by what it shows, such as \"a fork cannot push\": at most %d characters, without space at its ends.", maxTestName), whole: true}
	}
	return fault{}
}

func notNegative(n int64) fault {
	if n < 0 {
		return fault{summary: "is out of range", detail: "It lies in the past: write how long ago, without a minus sign."}
	}
	return fault{}
}

func checkTime(s string) fault {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fault{summary: "is not a time", detail: `Write it as in "2026-12-24T10:00:00Z" (RFC 3339).`}
	}
	return fault{}
}

// parseTime reads what checkTime took; the zero time of "".
func parseTime(s string) time.Time {
	then, _ := time.Parse(time.RFC3339, s) //nolint:errcheck // as said
	return then
}

func checkAddress(s string) fault {
	if _, err := netip.ParseAddr(s); err != nil {
		return fault{summary: "is not an address", detail: `Write an IP address, such as "192.0.2.1".`}
	}
	return fault{}
}

// scope is what the values of a test block may refer to besides locals: the
// row of its table, and declared things.
type scope struct {
	each cty.Value // cty.NilVal where there is no table
}

// omitted is the value of an attribute of a test that is null.
type omitted struct{}

// tests decodes a test block, once for each row of its table. After a row with
// a fault it stops: the others would tell the same.
func (d *decoder) tests(g *given) []*values {
	defer func() { d.eval.scope = nil }()
	d.eval.scope = &scope{}
	i := slices.IndexFunc(g.attrs, func(attr givenAttr) bool { return attr.name == "for_each" })
	if i < 0 {
		return []*values{d.block(g)}
	}
	table := g.attrs[i]
	row := *g
	row.attrs = slices.Delete(slices.Clone(g.attrs), i, i+1)
	field := &field{decoder: d, row: g.schema.byName["for_each"], source: g.source, expr: table.expr, at: rangeOf(table.expr.Range())}
	var all []*values
	for _, one := range field.table() {
		d.eval.scope.each = cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(one.name), "value": one.value})
		before := len(d.found.list)
		v := d.block(&row)
		v.key, v.decl.Attrs["for_each"] = one.name, one.at
		if d.found.list[before:].Err() != nil {
			break
		}
		all = append(all, v)
	}
	return all
}

// table are the rows of for_each.
func (f *field) table() []member {
	out := f.eval.value(f.source, f.expr)
	switch {
	case !out.ok || f.secret(out):
		return nil
	case !out.value.IsWhollyKnown() || out.value.IsNull() || !isList(out.value.Type()) && !isObject(out.value.Type()):
		f.fail(f.at, takes(f.row))
		return nil
	case out.value.LengthInt() == 0 || out.value.LengthInt() > maxCases:
		f.fail(f.at, fault{summary: "has a number of cases out of range", detail: fmt.Sprintf("There may be between 1 and %d.", maxCases)})
		return nil
	case isObject(out.value.Type()):
		rows := objectMembers(out.value, f.expr, f.at)
		slices.SortStableFunc(rows, func(a, b member) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
		return rows
	}
	rows := listMembers(out.value, f.expr, f.at)
	for i := range rows {
		rows[i].name = strconv.Itoa(i)
	}
	return rows
}

// secret refuses what came from env() or file() in a test: reports show its
// values, and it must come to the same everywhere.
func (f *field) secret(out result) bool {
	if f.eval.scope == nil || !out.tainted {
		return false
	}
	f.fail(f.at, fault{summary: "comes from env() or file()", detail: "The values of a test are shown in reports, and are the same everywhere. Write it out."})
	return true
}

// computed is what an expression of a test comes to where it is no reference
// itself: one out of a table. It is not meant for what is written as KIND.NAME.
func (f *field) computed(expr hcl.Expression) (value cty.Value, ok bool) {
	if f.eval.scope == nil {
		return cty.NilVal, false
	}
	traversal, diags := hcl.AbsTraversalForExpr(expr)
	if !diags.HasErrors() && traversal.RootName() != "each" && traversal.RootName() != "local" {
		return cty.NilVal, false
	}
	out := f.eval.value(f.source, expr)
	return out.value, out.ok && out.value != cty.NilVal && out.value.IsWhollyKnown()
}

// referenceIn is the reference that a value of a table is.
func (e *evaluator) referenceIn(value cty.Value) (engine.Ref, bool) {
	if value.IsNull() || value.Type() != e.references {
		return engine.Ref{}, false
	}
	return *value.EncapsulatedValue().(*engine.Ref), true
}

// denial decodes denied_by: a policy, or one of the words.
func (f *field) denial() any {
	if value, ok := f.computed(f.expr); ok {
		if value.IsNull() {
			return omitted{}
		}
		if ref, is := f.eval.referenceIn(value); is {
			return f.denyingPolicy(ref)
		}
		return f.orNil(f.text(value, f.at, f.fail))
	}
	if ref, ok := f.twoSteps(f.expr); ok {
		return f.denyingPolicy(ref)
	}
	if word, ok := jsonString(f.expr); ok && slices.Contains(f.row.Words, word) {
		return word
	}
	f.fail(f.at, fault{summary: "takes a policy or a word", detail: fmt.Sprintf("Write policy.NAME without quotes, or %s.", quoted(f.row.Words, "or"))})
	return nil
}

func (f *field) denyingPolicy(ref engine.Ref) any {
	if !f.ofKind(ref) {
		return nil
	}
	return ref.String()
}

// variables are what the values of a test may refer to by the names of blocks:
// each reference stands for itself.
func (e *evaluator) variables(refs []engine.Ref) map[string]cty.Value {
	all := map[string]cty.Value{}
	byKind := map[engine.Kind]map[string]cty.Value{}
	for _, ref := range refs {
		if byKind[ref.Kind] == nil {
			byKind[ref.Kind] = map[string]cty.Value{}
		}
		byKind[ref.Kind][ref.Label] = cty.CapsuleVal(e.references, &ref)
	}
	for kind, labels := range byKind {
		all[string(kind)] = cty.ObjectVal(labels)
	}
	if e.scope != nil && e.scope.each != cty.NilVal {
		all["each"] = e.scope.each
	}
	return all
}

// scopeName takes note of what a variable of a test refers to, where that is
// no local; told says that it refers to nothing, which was told.
func (e *evaluator) scopeName(variable hcl.Traversal, uses *usage) (taken, told bool) {
	root := variable.RootName()
	at := rangeOf(variable.SourceRange())
	switch {
	case e.scope == nil:
		return false, false
	case root == "each" && e.scope.each == cty.NilVal:
		e.found.fault(at, `"each" without a table`, "each.key and each.value are there where the block has for_each, and not in for_each itself.")
		return false, true
	case root == "each":
		return true, false
	case !slices.Contains(allKinds(), engine.Kind(root)):
		return false, false
	}
	label := ""
	if len(variable) == 2 {
		label, _ = stepName(variable[1])
	}
	if !ValidLabel(label) {
		e.found.fault(at, "takes references", fmt.Sprintf("Write %s.NAME, where NAME is the label of the block.", root))
		return false, true
	}
	uses.refs = append(uses.refs, engine.Ref{Kind: engine.Kind(root), Label: label, At: at})
	return true, false
}

// isTestFile says whether a file is read for tests only.
func isTestFile(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, ".json"), ".hcl")
	return ok && strings.HasSuffix(stem, ".m2mdtest")
}

// outOfPlace tells of a block in a file that the daemon does not read.
func (d *decoder) outOfPlace(g *given) bool {
	if g.schema.Name == "test" || !isTestFile(g.source.abs) {
		return false
	}
	d.found.fault(g.header, fmt.Sprintf("%q in a file for tests", g.schema.Name), "The daemon does not read files whose name ends in .m2mdtest.hcl, so only test and locals may stand there.")
	return true
}
