package hcl_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/hcl"
)

// patience is far more than any of these files takes, and far less than what
// is quadratic or worse does: one of them takes minutes at the least.
const patience = 20 * time.Second

func rep(s string, n int) string { return strings.Repeat(s, n) }

// Each of these kills or stalls a program that hands it to the parser of
// hashicorp/hcl: it recurses per bracket and per operator, and its lexer and
// its templates have quadratic loops.
func TestHostileFilesAreRefusedAtOnce(t *testing.T) {
	const half = 500_000
	tests := []struct {
		name string
		text string
		want string // "" where any answer will do, if it comes soon
	}{
		{"parentheses", "locals {\na = " + rep("(", 100_000) + "1" + rep(")", 100_000) + "\n}", "nested too deep"},
		{"lists", "locals {\na = " + rep("[", 100_000) + rep("]", 100_000) + "\n}", "nested too deep"},
		{"objects", "locals {\na = " + rep("{a=", 60_000) + "1" + rep("}", 60_000) + "\n}", "nested too deep"},
		{"blocks", rep("a {\n", 50_000) + rep("}\n", 50_000), "nested too deep"},
		{"templates", "locals {\na = " + rep(`"${`, 60_000) + "1" + rep(`}"`, 60_000) + "\n}", "nested too deep"},
		{"calls", "locals {\na = " + rep("abs(", 50_000) + "1" + rep(")", 50_000) + "\n}", "nested too deep"},
		{"indexes in indexes", "locals {\na = " + rep("a[", 100_000) + "0" + rep("]", 100_000) + "\n}", "nested too deep"},
		{"heredocs", "locals {\na = " + rep("<<A\n${", 30_000) + "1", "nested too deep"},
		{"brackets never closed", "locals {\na = " + rep("[", 200_000), "nested too deep"},
		{"not", "locals {\na = " + rep("!", half) + "true\n}", "expression too long"},
		{"minus", "locals {\na = " + rep("-", half) + "1\n}", "expression too long"},
		{"minus, in brackets and on lines", "locals {\na = (" + rep("-\n", 50_000) + "1)\n}", "expression too long"},
		{"plus", "locals {\na = 1" + rep("+1", 300_000) + "\n}", "expression too long"},
		{"conditions", "locals {\na = " + rep("true?1:", 40_000) + "1\n}", "expression too long"},
		{"conditions in the middle", "locals {\na = " + rep("true?", 40_000) + "1" + rep(":1", 10_000) + "\n}", "expression too long"},
		{"indexes", "locals {\na = a" + rep("[0]", 60_000) + "\n}", "expression too long"},
		{"splats", "locals {\na = a" + rep("[*]", 60_000) + "\n}", "expression too long"},
		{"attributes", "locals {\na = a" + rep(".a", 60_000) + "\n}", "expression too long"},
		{"names of functions", "locals {\na = a" + rep("::a", 100_000) + "()\n}", "expression too long"},
		{"directives", "locals {\na = \"" + rep("%{if true}", 30_000) + "\"\n}", "expression too long"},
		{"loops in loops", "locals {\na = " + rep("[for a in ", 50) + "[]" + rep(": a]", 50) + "\n}", "for expressions within each other"},
		{"operators spread over brackets", "locals {\na = " + rep("("+rep("-", 90), 90) + "1" + rep(")", 90) + "\n}", "expression too long"},
		{"comments never closed", rep("/*", half), "comment is never closed"},
		{"a heredoc of short lines", "locals {\na = <<A\n" + rep("\n", 200_000) + "A\n}\n", "text too long"},
		{"a heredoc with tabs taken off", "locals {\na = <<-A\n" + rep("\t\n", 100_000) + "A\n}\n", "text too long"},
		{"dollars", "locals {\na = \"" + rep("$a", 100_000) + "\"\n}\n", "text too long"},
		{"a number with many digits", "locals {\na = " + rep("9", 1000_000) + "\n}\n", "number out of range"},
		{"a number that is long when printed", "locals {\na = \"${1e600000000}\"\n}\n", "number out of range"},
		{"a width that is long when printed", "locals {\na = format(\"%999999999s\", \"\")\n}\n", "result too large"},
		{"a replacement that grows", fmt.Sprintf("locals {\na = %q\nb = replace(local.a, \"a\", local.a)\n}\n", rep("a", 200_000)), "result too large"},
		{"locals that double", doubling(60), "too large"},
		{"lists that double", "locals {\na = [1]\n" + chain(40, "a%d = [local.a%d, local.a%d]\n") + "}\n", ""},
		{"locals that nest", "locals {\na0 = [1]\n" + chain(20_000, "a%d = [local.a%d]\n") + "}\n", "nested too deep"},
		{"quoted newlines", rep("a = \"\n", 50_000), ""},
		{"carriage returns in a heredoc", "locals {\na = <<A\n" + rep("\r", 100_000) + "\nA\n}\n", ""},
		{"invalid characters", rep("§", 50_000), ""},
		{"backquotes", rep("`", 100_000), ""},
		{"heredocs that never begin", rep("<<", 100_000), ""},
		{"escapes", "locals {\na = \"" + rep(`\n`, 100_000) + "\"\n}\n", ""},
		{"combining characters", "locals {\na = \"" + rep("\u0301", 100_000) + "\"\n}\n", ""},
		{"the same attribute", rep("a=1\n", 50_000), "too many faults"},
		{"many labels", "a" + rep(` "a"`, 50_000) + " {\n}\n", ""},
		{"newlines in brackets", "locals {\na = " + rep("(", 90) + rep("\n", 200_000) + "1" + rep(")", 90) + "\n}\n", ""},
		{"comments in brackets", "locals {\na = " + rep("(", 90) + rep("#\n", 100_000) + "1" + rep(")", 90) + "\n}\n", ""},
		{"brackets that do not match", "locals {\na = " + rep("[(", 50_000), "nested too deep"},
		{"brackets closed by others", rep("a = [}\n", 30_000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			soon(t, func() {
				got := refuse(t, "m2md.hcl", tt.text)
				if tt.want != "" {
					wantSummary(t, got, tt.want)
				}
			})
		})
	}
}

// Strings in JSON are templates of the native syntax, so that they need the
// same bounds as the file around them.
func TestHostileJSONIsRefusedAtOnce(t *testing.T) {
	local := func(text string) string {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return `{"locals": {"a": ` + string(quoted) + `}}`
	}
	tests := []struct {
		name string
		text string
		want string
	}{
		{"arrays", `{"locals": {"a": ` + rep("[", 100_000) + rep("]", 100_000) + "}}", "nested too deep"},
		{"objects", rep(`{"a":`, 100_000) + "1" + rep("}", 100_000), "nested too deep"},
		{"arrays never closed", rep("[", 200_000), "nested too deep"},
		{"parentheses", local("${" + rep("(", 100_000) + "1" + rep(")", 100_000) + "}"), "nested too deep"},
		{"templates", local(rep(`${"`, 60_000) + rep(`"}`, 60_000)), "nested too deep"},
		{"not", local("${" + rep("!", 500_000) + "true}"), "expression too long"},
		{"plus", local("${1" + rep("+1", 300_000) + "}"), "expression too long"},
		{"conditions", local("${" + rep("true?1:", 40_000) + "1}"), "expression too long"},
		{"directives", local(rep("%{if true}", 30_000)), "expression too long"},
		{"lines", local(rep("\n", 100_000)), "text too long"},
		{"comments never closed", local("${" + rep("/*", 200_000)), "comment is never closed"},
		{"written with escapes", `{"locals": {"a": "` + rep(`\u0024{(`, 50_000) + `"}}`, "nested too deep"},
		{"names", `{"locals": {"a": {"${` + rep("(", 100_000) + `": 1}}}`, "nested too deep"},
		{"a number that is long when printed", `{"locals": {"a": 1e600000000, "b": "${local.a}"}}`, "number out of range"},
		{"backslashes", `{"a": "` + rep(`\`, 200_000), ""},
		{"references", `{"provider": {"a": {"signing_key": "` + rep("a.", 100_000) + `a"}}}`, ""},
		{"quotes", rep(`"`, 200_000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			soon(t, func() {
				got := refuse(t, "m2md.hcl.json", tt.text)
				if tt.want != "" {
					wantSummary(t, got, tt.want)
				}
			})
		})
	}
}

// What people write is far inside of the bounds.
func TestLongFilesOfPlainBlocksAreTaken(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "service_account \"a%d\" {\n  groups = [\"a\", \"b\"]\n  attributes = { a = 1 + 2, b = [1, 2], c = \"${lower(\"X\")}\" }\n}\n", i)
	}
	if got := len(loadText(t, text.String()).Spec.Accounts); got != 3000 {
		t.Errorf("%d accounts, want 3000", got)
	}
}

func soon(t *testing.T, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > patience {
		t.Errorf("it took %s", took)
	} else if took > time.Second {
		t.Logf("took %s", took)
	}
}

// chain is one local after the other, each using the one before.
func chain(n int, format string) string {
	var out strings.Builder
	for i := 1; i <= n; i++ {
		args := []any{i}
		for range strings.Count(format, "%d") - 1 {
			args = append(args, i-1)
		}
		fmt.Fprintf(&out, format, args...)
	}
	return out.String()
}

func doubling(n int) string {
	return "locals {\na0 = \"aaaaaaaaaa\"\n" + chain(n, "a%d = \"${local.a%d}${local.a%d}\"\n") + "}\n"
}

// Loops in loops, and calls in them, make more than any author means to: what
// all expressions make together is bounded, in memory and in time.
func TestLoopsInLoopsAreBounded(t *testing.T) {
	long := strings.Repeat("a", 200)
	for name, source := range map[string]string{
		"long strings":     `locals { big = [for i in range(1000) : [for k in range(1000) : "` + long + `${i}${k}"]] }`,
		"a local repeated": "locals {\n" + `s = join("", [for i in range(1000) : "` + long + `"])` + "\n" + `big = [for i in range(1000) : [for k in range(1000) : "${local.s}x"]]` + "\n}",
		"calls":            `locals { z = [for i in range(1000) : [for k in range(1000) : length(range(1000))]] }`,
		"a list of lists":  "locals {\nl = range(1000)\nz = [for i in local.l : [for k in local.l : local.l]]\n}",
		"a directive":      `locals { z = "%{ for i in range(1000) }%{ for k in range(1000) }` + long + `%{ endfor }%{ endfor }" }`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			found := hcl.Load(hcl.Options{Path: dir}).Findings
			if !strings.Contains(found.Error(), "too much is computed") {
				t.Errorf("told %.300s", found.Error())
			}
		})
	}
}
