package lint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// mark begins a comment that silences: m2md:ignore ID REASON.
const mark = "m2md:ignore"

// comments are the findings about comments that silence others. None of them
// can be silenced.
func comments() family {
	return family{rules: []Rule{{
		ID: "LNT001", Title: "an ignore without a reason", Severity: engine.Warning,
		Why: "Why a finding may stay is what the next reader must know, and what must be looked at again when it changes. An ignore without a reason silences nothing.",
		Fault: `access "backup" {
  from = [service_account.backup] # m2md:ignore CFG009
}`,
		Fix: `access "backup" {
  from = [service_account.backup]
}`,
	}, {
		ID: "LNT002", Title: "an ignore of an unknown id", Severity: engine.Warning,
		Why: "It silences nothing, and whoever wrote it thinks that it does.",
		Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" } # m2md:ignore WIF0003 the owner keeps the name
}`,
		Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository = "acme/api", ref = "refs/heads/main" } # m2md:ignore WIF003 the owner keeps the name
}`,
	}, {
		ID: "LNT003", Title: "an ignore that silences nothing", Severity: engine.Warning,
		Why: "What it was for has been mended, or stands on another line; left behind, it would silence what comes next. Errors are never silenced.",
		Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" } # m2md:ignore WIF003 the owner keeps the name
}`,
		Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" }
}`,
	}}}
}

// Rules are all kinds of findings that have an ID, in order of their ids.
func Rules() []Rule {
	var all []Rule
	for _, one := range families() {
		all = append(all, one.rules...)
	}
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ignore is one comment that silences, and what it did.
type ignore struct {
	hcl.Comment
	id, reason string
	line       int // the one besides its own that it is for; 0 for none
	used       bool
	onError    bool
}

// Silence takes out of found what comments in the files say to ignore, and adds
// what is wrong with the comments. A comment is for its own line or, where it
// stands alone, for the next line that is no comment. In .hcl.json it is a
// member "//" of the object in which the finding stands, on its line or the one
// before.
func Silence(found engine.Findings, sources hcl.Sources, o Options) engine.Findings {
	var ignores []*ignore
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if bytes.Contains(sources[name], []byte(mark)) {
			ignores = append(ignores, ignoresOf(name, sources[name])...)
		}
	}
	if len(ignores) == 0 {
		return found
	}
	targets := map[target][]*ignore{}
	for _, one := range ignores {
		for _, line := range []int{one.At.Start.Line, one.line} {
			at := target{one.At.File, line, one.id}
			targets[at] = append(targets[at], one)
		}
	}
	left := slices.DeleteFunc(slices.Clone(found), func(f engine.Finding) bool {
		return f.ID != "" && silenced(f, targets[target{f.At.File, f.At.Start.Line, f.ID}])
	})
	known := knownIDs(found, o)
	for _, one := range ignores {
		left = append(left, one.judge(known, o)...)
	}
	left.Sort()
	return left
}

// knownIDs are all that a comment may name.
func knownIDs(found engine.Findings, o Options) []string {
	all := slices.Clone(o.Others)
	for _, one := range Rules() {
		all = append(all, one.ID)
	}
	for _, one := range found {
		if one.ID != "" {
			all = append(all, one.ID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ignoresOf finds the comments of a file that silence.
func ignoresOf(name string, content []byte) []*ignore {
	var all []*ignore
	var next []int
	for _, comment := range hcl.Comments(name, content) {
		text, ok := strings.CutPrefix(comment.Text, mark)
		if !ok || text != "" && !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "\t") {
			continue
		}
		one := &ignore{Comment: comment}
		one.id, one.reason, _ = strings.Cut(strings.TrimSpace(text), " ")
		one.reason = strings.TrimSpace(one.reason)
		if comment.Alone {
			if next == nil {
				next = nextLines(content)
			}
			one.line = next[comment.At.End.Line]
		}
		all = append(all, one)
	}
	return all
}

// nextLines are, for each line, the number of the first one behind it that is
// more than a comment; 0 where there is none.
func nextLines(content []byte) []int {
	lines := bytes.Split(content, []byte("\n"))
	next := make([]int, len(lines)+1)
	for i := len(lines) - 1; i > 0; i-- { // lines[i] is the one behind the line of number i
		text := bytes.TrimSpace(lines[i])
		next[i] = i + 1
		if bytes.HasPrefix(text, []byte("#")) || bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte(`"//"`)) {
			next[i] = next[i+1]
		}
	}
	return next
}

// target is a line that a comment is for.
type target struct {
	file string
	line int
	id   string
}

// silenced says whether a comment takes a finding out, and notes that it did.
func silenced(f engine.Finding, ignores []*ignore) bool {
	gone := false
	for _, one := range ignores {
		if f.Severity == engine.Error {
			one.onError = true
			continue
		}
		one.used = true
		gone = gone || one.reason != ""
	}
	return gone
}

// judge tells what is wrong with the comment.
func (i *ignore) judge(known []string, o Options) engine.Findings {
	tell := func(id, summary, detail string) engine.Findings {
		return engine.Findings{{Severity: engine.Warning, ID: id, Summary: summary, Detail: detail, At: i.At}}
	}
	switch {
	case i.id == "":
		return tell("LNT001", "an ignore that names nothing", "Write # "+mark+" ID REASON.")
	case !slices.Contains(known, i.id):
		return tell("LNT002", fmt.Sprintf("no finding has the id %.40q", i.id), "docs/lint.md lists them all."+engine.DidYouMean(i.id, known))
	case i.reason == "":
		return tell("LNT001", "an ignore without a reason", "It silences nothing. Write behind the id why the finding may stay.")
	case i.onError:
		return tell("LNT003", "an error is not ignored", "What is refused can only be mended.")
	case !i.used && !o.Partial && !(i.id == "SEC002" && o.FileMode == nil):
		return tell("LNT003", "an ignore that silences nothing", "There is no "+i.id+" on its line, nor on the next one where it stands alone. Remove it, or move it.")
	}
	return nil
}
