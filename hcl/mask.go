package hcl

import (
	"regexp"
	"slices"
	"strings"
)

// masked is a line without the secrets that stand in it as they are: what is
// quoted behind the name of an attribute that holds a secret, and what looks like
// a secret wherever it stands. An excerpt goes into logs of a CI, which more
// people can read than can read the repository. Each byte is replaced by one, so
// that places stay what they are.
func masked(line string) string {
	out := []byte(line)
	for _, at := range secretsIn(line) {
		for i := at[0]; i < at[1]; i++ {
			out[i] = '*'
		}
	}
	return string(out)
}

// secretsIn are the stretches of a line that hold secrets.
func secretsIn(line string) (all [][]int) {
	if !strings.ContainsAny(line, `"-_A`) { // as most lines
		return nil
	}
	all = secretForms().FindAllStringIndex(line, -1)
	names := secretNames(schemas())
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)
	assigned := regexp.MustCompile(`([a-z_]+)\s*=`)
	var name string // the last one before what is quoted
	end := 0
	for _, at := range quoted.FindAllStringIndex(line, -1) {
		if given := assigned.FindAllStringSubmatch(line[end:at[0]], -1); given != nil {
			name = given[len(given)-1][1]
		}
		text := strings.Trim(line[at[0]:at[1]], `"`)
		switch {
		case slices.ContainsFunc(names, called(text)): // as JSON writes it
			name = text
		case slices.ContainsFunc(names, called(name)) && !calls(line[end:at[0]]):
			all = append(all, []int{at[0] + 1, max(at[0]+1, at[1]-1)})
		}
		end = at[1]
	}
	return all
}

// called says of a name whether what is written is meant for it, mistyped as it
// may be.
func called(written string) func(string) bool {
	return func(name string) bool {
		return strings.Contains(written, name) && !strings.HasSuffix(written, "_file")
	}
}

// calls says whether what stands before a string makes it the name of something
// that is looked up, by env() or file().
func calls(before string) bool {
	before = strings.TrimSpace(before)
	return strings.HasSuffix(before, "env(") || strings.HasSuffix(before, "file(")
}

// secretForms are app passwords of m2md, private keys, and tokens of GitHub,
// GitLab, Slack and AWS.
func secretForms() *regexp.Regexp {
	return regexp.MustCompile(`m2md_[0-9A-Za-z]+_[0-9A-Za-z]+_[0-9A-Za-z]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,}|glpat-[0-9A-Za-z_-]{16,}|xox[abprs]-[0-9A-Za-z-]{10,}|AKIA[0-9A-Z]{16}`)
}

// secretNames are the names of the attributes that hold secrets.
func secretNames(blocks []*block) (names []string) {
	for _, b := range blocks {
		for _, row := range b.attributes {
			if row.Secret {
				names = append(names, row.Name)
			}
		}
		names = append(names, secretNames(b.blocks)...)
	}
	return names
}
