package decisionlog

import (
	"regexp"
	"slices"
	"strings"
)

// secretForm is the form of an app password, and of a token that is signed.
var secretForm = regexp.MustCompile(`m2md_[0-9A-Za-z_]{20,}|eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*`)

// withoutSecrets is a text that a client chose, without what it put there by
// mistake: `-d scope="$APP_PASSWORD"`, or a path with a token in it.
func (l *writer) withoutSecrets(name, value string) string {
	if !strings.Contains(value, "m2md_") && !strings.Contains(value, "eyJ") {
		return value // as nearly all, without the price of an expression
	}
	clean := secretForm.ReplaceAllLiteralString(value, mark)
	if clean != value {
		l.wasCut(name)
	}
	return clean
}

// allWithoutSecrets is a list of such texts. What is given stays as it is.
func (l *writer) allWithoutSecrets(name string, values []string) []string {
	var clean []string
	for i, value := range values {
		if one := l.withoutSecrets(name, value); one != value {
			if clean == nil {
				clean = slices.Clone(values)
			}
			clean[i] = one
		}
	}
	if clean == nil {
		return values
	}
	return clean
}
