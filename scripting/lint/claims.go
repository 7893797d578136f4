package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// claimRead is one place where a claim is read.
type claimRead struct {
	path []string
	node ast.Expression
}

// dotted is a path as people write it.
func dotted(path []string) string { return strings.Join(path, ".") }

// known are the claims of that path of all issuers that the script is asked
// about, and whether one of them may sign it though its profile does not say.
func (j *judge) known(path []string) (claims []issuer.Claim, open bool) {
	for _, profile := range j.profiles {
		if claim, ok := profile.Claim(path...); ok {
			claims = append(claims, claim)
			continue
		}
		open = open || profile.Open(path...)
	}
	return claims, open
}

// claims looks at all claims that are read.
func (j *judge) claims() {
	var stable [][]string
	for _, read := range j.reads {
		if claims, _ := j.known(read.path); len(claims) > 0 && claims[0].Kind == issuer.StableID {
			stable = append(stable, read.path)
		}
	}
	for _, read := range j.reads {
		j.unsigned(read)
		j.renamed(read, stable)
	}
	if j.others && !j.checked && len(j.reads) > 0 && !j.asksForToken() {
		j.tell(noProof, j.reads[0].node, "a claim is read where there may be no token", "")
	}
}

// unsigned tells of a claim that no issuer signs.
func (j *judge) unsigned(read claimRead) {
	if len(j.profiles) == 0 {
		return
	}
	claims, open := j.known(read.path)
	if len(claims) > 0 || open || j.methodOfText(read.path) {
		return
	}
	if len(read.path) > 1 { // of what is no object, or is unknown itself: told there
		if around, _ := j.known(read.path[:len(read.path)-1]); len(around) == 0 || around[0].Type != issuer.Object {
			return
		}
	}
	last := read.path[len(read.path)-1]
	hint := ""
	var titles []string
	for _, profile := range j.profiles {
		if !slices.Contains(titles, profile.Title) {
			titles = append(titles, profile.Title)
		}
		if hint == "" {
			hint = engine.DidYouMean(last, profile.Members(read.path[:len(read.path)-1]...))
		}
		if other, found := profile.Elsewhere(last); hint == "" && found {
			hint = fmt.Sprintf(" There is %s.", dotted(other))
		}
	}
	j.tell(unknownClaim, read.node, fmt.Sprintf("no token of %s has the claim %s", strings.Join(titles, " or "), dotted(read.path)),
		"It is undefined: what it is compared with never matches, and its negation always passes.%s", hint)
}

// methodOfText says whether the last segment is read of a value, such as the
// length of a string.
func (j *judge) methodOfText(path []string) bool {
	if len(path) < 2 {
		return false
	}
	around, open := j.known(path[:len(path)-1])
	return open || len(around) > 0 && around[0].Type != issuer.Object
}

// renamed notes a name that is compared where an id could be.
func (j *judge) renamed(read claimRead, stable [][]string) {
	claims, _ := j.known(read.path)
	if len(claims) == 0 || claims[0].Kind != issuer.MutableName || claims[0].Stable == nil || len(stable) > 0 || j.pinned {
		return
	}
	j.tell(mutableName, read.node, fmt.Sprintf("%s is a name that somebody else may come to have", dotted(read.path)),
		"Whoever deletes or renames what it stands for leaves it to the next. Compare %s, alone or besides it.", dotted(claims[0].Stable))
}

// asksForToken says whether anything in the script asks whether there is a token.
func (j *judge) asksForToken() bool {
	asked := false
	visit(j.Function.Body, func(node any) {
		switch n := node.(type) {
		case *ast.Optional:
			if path, ok := j.names.claim(n.Expression); ok && len(path) == 0 {
				asked = true
			}
		case *ast.BinaryExpression:
			for _, side := range []ast.Expression{n.Left, n.Right} {
				path, ok := j.names.claim(side)
				at := j.names.path(side)
				asked = asked || ok && len(path) == 0 || slices.Equal(at, []string{"request", "context", "source"})
			}
		case *ast.UnaryExpression:
			j.asks(n.Operand, &asked)
		case *ast.IfStatement:
			j.asks(n.Test, &asked)
		case *ast.ConditionalExpression:
			j.asks(n.Test, &asked)
		case *ast.TryStatement:
			asked = true
		}
	})
	return asked
}

func (j *judge) asks(e ast.Expression, asked *bool) {
	if path, ok := j.names.claim(e); ok && len(path) == 0 {
		*asked = true
	}
}

// compared looks at a comparison of a claim with what is written out, or with
// another claim.
func (j *judge) compared(n *ast.BinaryExpression) {
	left, leftClaim := j.names.claim(n.Left)
	right, rightClaim := j.names.claim(n.Right)
	if leftClaim && rightClaim && len(left) > 0 && len(right) > 0 {
		if !slices.Equal(left, right) && (n.Operator == token.EQUAL || n.Operator == token.STRICT_EQUAL) && j.mayBeAbsent(left) && j.mayBeAbsent(right) {
			j.tell(bothAbsent, n, fmt.Sprintf("%s and %s may both be absent, and are equal then", dotted(left), dotted(right)), "")
		}
		return
	}
	if leftClaim && len(left) > 0 {
		j.typed(n, left, n.Right)
	}
	if rightClaim && len(right) > 0 {
		j.typed(n, right, n.Left)
	}
}

func (j *judge) mayBeAbsent(path []string) bool {
	if len(path) == 1 && slices.Contains([]string{"iss", "sub", "exp"}, path[0]) {
		return false
	}
	claims, _ := j.known(path)
	return len(claims) < max(len(j.profiles), 1) || slices.ContainsFunc(claims, func(c issuer.Claim) bool { return !c.Always() })
}

// typed tells of a value that no issuer gives the claim.
func (j *judge) typed(n *ast.BinaryExpression, path []string, value ast.Expression) {
	var given issuer.Type
	switch value.(type) {
	case *ast.StringLiteral, *ast.TemplateLiteral:
		given = issuer.String
	case *ast.NumberLiteral:
		given = issuer.Number
	case *ast.BooleanLiteral:
		given = issuer.Bool
	default:
		return
	}
	claims, open := j.known(path)
	if len(claims) == 0 || open {
		return
	}
	for _, claim := range claims {
		if claim.Type == given || claim.Type == issuer.StringOrStrings && given == issuer.String {
			return
		}
	}
	remedy := "Compare it with a value of that type."
	switch t := claims[0].Type; {
	case t == issuer.String:
		remedy = "Write the value in quotes."
	case t == issuer.Strings:
		remedy = "Ask whether the list includes it."
	case t == issuer.Number || t == issuer.Bool:
		remedy = "Write the value without quotes."
	}
	j.tell(mistypedClaim, n, fmt.Sprintf("%s is %s, never %s", dotted(path), claims[0].Type, given), "It is compared by type and value, and never equal. %s", remedy)
}

// truth looks at a claim that is taken for true or false.
func (j *judge) truth(e ast.Expression) {
	path, ok := j.names.claim(e)
	if !ok {
		return
	}
	if len(path) == 0 {
		j.checked = true
		return
	}
	claims, _ := j.known(path)
	if len(claims) > 0 && claims[0].Kind == issuer.Protection && claims[0].Type == issuer.String {
		j.tell(textAsBoolean, e, fmt.Sprintf(`%s is the text "true" or "false", and both count as true`, dotted(path)), `Compare it with "true".`)
	}
}

// identityNames are claims of which a part says nothing safe, where no profile
// tells.
const identityNames = " sub iss repository repository_owner workflow_ref job_workflow_ref ref project_path namespace_path email environment actor user_login "

// part looks at a comparison with a part of a claim.
func (j *judge) part(call *ast.CallExpression, of ast.Expression, method string, argument ast.Expression) {
	path, ok := j.names.claim(of)
	if !ok || len(path) == 0 || !j.identifies(path) {
		return
	}
	text, _ := argument.(*ast.StringLiteral)
	if method == "startsWith" && text != nil && strings.ContainsAny(text.Value.String()[max(0, len(text.Value.String())-1):], "/:@#") && strings.TrimRight(text.Value.String(), "/:@#") != "" && text.Value.String() != "repo:" {
		return // up to a border
	}
	remedy := "Compare the whole claim with ===, or use glob or regexMatch, which match the whole."
	if method == "startsWith" {
		remedy = "End it at a border, such as \"acme/\", or compare the whole claim."
	}
	j.tell(partOfClaim, call, fmt.Sprintf("%s of %s lets similar names in", method, dotted(path)), "Others choose names that contain, begin or end like yours. %s", remedy)
}

func (j *judge) identifies(path []string) bool {
	claims, _ := j.known(path)
	if len(claims) == 0 {
		return len(path) == 1 && strings.Contains(identityNames, " "+path[0]+" ")
	}
	if claims[0].Type != issuer.String {
		return false // a list includes whole members
	}
	switch claims[0].Kind {
	case issuer.Subject, issuer.StableID, issuer.MutableName, issuer.Ref, issuer.Workflow, issuer.Actor, issuer.Environment:
		return true
	}
	return path[len(path)-1] == "iss"
}
