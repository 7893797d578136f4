package issuer

import (
	"regexp"
	"strings"
)

// Form is one value, or how the values are written that differ from tenant to
// tenant.
type Form struct {
	// Text is the value; where there is a pattern it is for people, with what
	// differs in capitals: https://HOST/_services/token.
	Text string
	// Pattern is an RE2 expression of the whole value, anchored by \A and \z;
	// empty where Text is the only value.
	Pattern string
}

// Match says whether value has the form. It compiles the pattern each time.
func (f Form) Match(value string) bool {
	if f.Pattern == "" {
		return value != "" && value == f.Text
	}
	return regexp.MustCompile(f.Pattern).MatchString(value)
}

// IssuerForm is the form of an iss, and where its keys are.
type IssuerForm struct {
	Form
	// WellKnown and JWKS are the addresses of the discovery document and of the
	// key set, in which ${0} is the iss and ${name} a named group of the pattern.
	// JWKS is empty where only the discovery document tells it for sure.
	WellKnown, JWKS string
}

// expand fills in WellKnown or JWKS for an iss of this form.
func (f IssuerForm) expand(template, iss string) string {
	if f.Pattern == "" {
		return strings.ReplaceAll(template, "${0}", iss)
	}
	re := regexp.MustCompile(f.Pattern)
	return string(re.ExpandString(nil, template, iss, re.FindStringSubmatchIndex(iss)))
}

// Parts of patterns.
const (
	authority = `[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?`
	urlPath   = `(?:/[A-Za-z0-9._~-]+)*` // of a path, without a slash at the end
	uuid      = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
)

// wellKnown is where a discovery document is (OpenID Connect Discovery 1.0 §4).
const wellKnown = "${0}/.well-known/openid-configuration"

// whole anchors a pattern.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

// exactly is the form of one value.
func exactly(value string) Form { return Form{Text: value} }

// ForeignAudience says whose audience aud is, if it is one that another, well
// known relying party wants: whoever has seen a token that was made for it
// could use that token here. Which audiences an issuer gives to tokens unless
// told otherwise is Profile.DefaultAudiences.
//
//   - sts.amazonaws.com: https://buildkite.com/docs/agent/cli/reference/oidc
//   - api://AzureADTokenExchange: https://docs.github.com/actions/reference/security/oidc
//   - iam.googleapis.com, sigstore, pypi: as clients of theirs ask for
//   - npm, testpypi, AWS in China, Azure for governments and in China: from
//     memory, not verified
func ForeignAudience(aud string) (party string, ok bool) {
	switch aud {
	case "sts.amazonaws.com", "sts.amazonaws.com.cn":
		return "AWS", true
	case "api://AzureADTokenExchange", "api://AzureADTokenExchangeChina", "api://AzureADTokenExchangeUSGov":
		return "Microsoft Entra ID", true
	case "sigstore":
		return "Sigstore", true
	case "pypi", "testpypi":
		return "PyPI", true
	case "npm:registry.npmjs.org":
		return "npm", true
	}
	if rest := strings.TrimPrefix(aud, "https:"); strings.HasPrefix(rest, "//iam.googleapis.com/") {
		return "Google Cloud", true
	}
	return "", false
}
