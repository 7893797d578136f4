package lint

import "github.com/m2md/m2md/engine"

// Rule is one kind of finding.
type Rule struct {
	ID       string
	Severity engine.Severity
	Title    string
	Why      string
	Remedy   string
	Bad      string // a line that is found
	Good     string // what to write in its place
}

// The IDs of the rules. They are kept for ever: comments name them.
const (
	constantResult  = "POL001"
	looseEquality   = "POL002"
	unanchored      = "POL003"
	partOfClaim     = "POL004"
	unknownClaim    = "POL005"
	mistypedClaim   = "POL006"
	unknownFunction = "POL007"
	assignedInTest  = "POL008"
	unusedInput     = "POL009"
	textAsBoolean   = "POL010"
	noProof         = "POL011"
	mutableName     = "POL012"
	badIgnore       = "POL013"
	bothAbsent      = "POL014"
)

// Rules are all of them, in the order of their IDs.
func Rules() []Rule {
	return []Rule{
		{constantResult, engine.Warning, "a condition that always comes out the same",
			"A policy that always passes lets everybody in that the rest of the access lets in; a condition that never changes is a slip, or left from a test.",
			"Remove what has no effect, or compare what was meant.",
			`return jwt.ref === "refs/heads/main" || true;`, `return jwt.ref === "refs/heads/main";`},
		{looseEquality, engine.Warning, "== converts before it compares",
			"1 == \"1\", [] == \"\" and [[\"a\"]] == \"a\" are true: a claim of another type passes for the one that is meant.",
			"Write === or !==. Only == null is left alone: it means null or undefined.",
			`return jwt.repository_id == inputs.id;`, `return jwt.repository_id === inputs.id;`},
		{unanchored, engine.Warning, "a pattern that matches a part of the text",
			"/acme\\/api/ matches evil/acme/api-fork, too, and in /^a|b$/ each anchor holds for one side only.",
			"Write regexMatch(text, \"PATTERN\"), which matches the whole, or ^(?:…)$.",
			`return /acme\/.*/.test(jwt.repository);`, `return regexMatch(jwt.repository, "acme/.*");`},
		{partOfClaim, engine.Warning, "a part of a claim is compared",
			"Others choose names that contain, begin or end like yours: acme-evil/x begins with acme, and repo:evil/acme contains it.",
			"Compare the whole claim, or a claim that says just what is meant; a beginning must end at a border, such as \"acme/\".",
			`return jwt.sub.includes("acme/api");`, `return jwt.repository_id === inputs.id;`},
		{unknownClaim, engine.Warning, "a claim that no token has",
			"A claim that the issuer does not sign is undefined: what it is compared with never matches, and its negation always passes.",
			"Mend the name, or take the claim that says what is meant.",
			`return jwt.repo === "acme/api";`, `return jwt.repository === "acme/api";`},
		{mistypedClaim, engine.Warning, "a claim is compared with a value of another type",
			"Issuers sign ids and booleans as strings, or as numbers; === compares type and value, so that it never matches and !== always does.",
			"Write the value as the issuer does: in quotes or without.",
			`return jwt.repository_id === 5678;`, `return jwt.repository_id === "5678";`},
		{unknownFunction, engine.Warning, "a function that there is not",
			"Calling it throws, and what throws denies: nobody gets in.",
			"Mend the name. The helpers are listed in docs/policies.md.",
			`return regex_match(jwt.ref, "refs/heads/.+");`, `return regexMatch(jwt.ref, "refs/heads/.+");`},
		{assignedInTest, engine.Warning, "an assignment where a comparison was meant",
			"= stores, and the condition is then whatever was stored.",
			"Write ===.",
			`if (allowed = true) return true;`, `if (allowed === true) return true;`},
		{unusedInput, engine.Warning, "an input that the script does not read",
			"Whoever changes it believes that it changes the decision.",
			"Remove it, or use it.",
			`inputs = { repository = "acme/api", branch = "main" } # branch is not read`, `inputs = { repository = "acme/api" }`},
		{textAsBoolean, engine.Warning, "the text \"false\" is taken for true",
			"The issuer signs this claim as the text \"true\" or \"false\", and any text that is not empty counts as true.",
			"Compare it with \"true\".",
			`if (jwt.ref_protected) return true;`, `if (jwt.ref_protected === "true") return true;`},
		{noProof, engine.Warning, "a claim is read where there may be no token",
			"The access lets in accounts, too, who show an app password and no token: request.context.oauth_jwt is null for them, reading a claim throws, and they are denied with an error.",
			"Say first what holds without a token: if (!jwt) return false;",
			`return request.context.oauth_jwt.ref === "refs/heads/main";`, `const jwt = request.context.oauth_jwt; return jwt !== null && jwt.ref === "refs/heads/main";`},
		{mutableName, engine.Note, "a name that may come to mean something else",
			"Whoever deletes or renames what a name stands for leaves the name to the next who takes it. The issuer signs an id that is given once.",
			"Compare the id, alone or besides the name.",
			`return jwt.repository === "acme/api";`, `return jwt.repository_id === "5678";`},
		{badIgnore, engine.Warning, "a comment that silences nothing, or does not say why",
			"What is silenced without a reason is never looked at again, and a comment that is not needed would hide the next slip.",
			"Write // m2md:ignore ID REASON on the line or the one before, or remove it.",
			`// m2md:ignore POL012`, `// m2md:ignore POL012 the owner's id is in require_claims`},
		{bothAbsent, engine.Warning, "two claims that may both be absent are compared",
			"undefined === undefined is true: a token that has neither claim passes.",
			"Compare with a value of inputs, or ask first that there is one.",
			`return jwt.environment === jwt.deployment_tier;`, `return jwt.environment === inputs.environment;`},
	}
}

func rule(id string) Rule {
	for _, r := range Rules() {
		if r.ID == id {
			return r
		}
	}
	panic("lint: no rule " + id)
}
