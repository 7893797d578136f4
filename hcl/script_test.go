package hcl_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// A fault at a line and column of the script is found in the file by its At
// and Indent. MARK stands for such a fault; where it is found must be
// where it is written.
func TestPlacesInScriptsAreFoundInTheFile(t *testing.T) {
	tests := []struct{ name, text, script string }{
		{"heredoc", "policy \"p\" {\n  script = <<JS\nconst a = 1;\n  return MARK;\nJS\n}\n", "const a = 1;\n  return MARK;\n"},
		{"heredoc, first line", "policy \"p\" {\n  script = <<JS\n  return MARK;\nJS\n}\n", "  return MARK;\n"},
		{"indented heredoc", "policy \"p\" {\n  script = <<-JS\n    const a = 1;\n      return MARK;\n  JS\n}\n", "const a = 1;\n  return MARK;\n"},
		{"indented heredoc, first line", "policy \"p\" {\n  script = <<-JS\n      return MARK;\n    // end\n  JS\n}\n", "  return MARK;\n// end\n"},
		{"indented heredoc, first line blank", "policy \"p\" {\n  script = <<-JS\n\n    return MARK;\n  JS\n}\n", "\nreturn MARK;\n"},
		{"indented heredoc, blank line within", "policy \"p\" {\n  script = <<-JS\n    // a\n \n    return MARK;\n  JS\n}\n", "// a\n \nreturn MARK;\n"},
		{"indented by tabs", "policy \"p\" {\n\tscript = <<-JS\n\t\tif (x)\n\t\t\treturn MARK;\n\tJS\n}\n", "if (x)\n\treturn MARK;\n"},
		{"indented, with an escape before", "policy \"p\" {\n  script = <<-JS\n    const a = `$${x}`;\n    return MARK;\n  JS\n}\n", "const a = `${x}`;\nreturn MARK;\n"},
		{"not indented at all", "policy \"p\" {\n  script = <<-JS\nconst a = 1;\n  return MARK;\n  JS\n}\n", "const a = 1;\n  return MARK;\n"},
		{"lines of Windows", "policy \"p\" {\r\n  script = <<-JS\r\n    // é\r\n    return MARK;\r\n  JS\r\n}\r\n", "// é\r\nreturn MARK;\r\n"},
		{"in quotes", "policy \"p\" {\n  script = \"return MARK;\"\n}\n", "return MARK;"},
		{"dollars and percents", "policy \"p\" {\n  script = <<-JS\n    const $a = 5 % 3, b = \"$\";\n    return MARK;\n  JS\n}\n", "const $a = 5 % 3, b = \"$\";\nreturn MARK;\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := loadText(t, tt.text)
			policy := loaded.Spec.Policies[0].Script
			if policy.Text != tt.script {
				t.Fatalf("the script is %q, want %q", policy.Text, tt.script)
			}
			wantLine, wantColumn := find(tt.text)
			line, column := find(policy.Text)
			gotLine, gotColumn := policy.At.Start.Line+line-1, column+policy.Indent
			if line == 1 {
				gotColumn = policy.At.Start.Column + column - 1
			}
			if gotLine != wantLine || gotColumn != wantColumn {
				t.Errorf("found at %d,%d, written at %d,%d", gotLine, gotColumn, wantLine, wantColumn)
			}
			if policy.At.Start.Byte >= len(tt.text) || !strings.HasPrefix(tt.text[policy.At.Start.Byte:], strings.SplitN(policy.Text, "`", 2)[0][:1]) {
				t.Errorf("byte %d is not the script's first", policy.At.Start.Byte)
			}
		})
	}
}

// find is the line and column of MARK.
func find(text string) (line, column int) {
	before, _, _ := strings.Cut(text, "MARK")
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndex(before, "\n")
}

func TestAScriptFileIsItsOwnPlace(t *testing.T) {
	dir := folder(t, map[string]string{
		"sub/m2md.hcl":  "policy \"p\" {\n  script_file = \"../policies/p.js\"\n}\n",
		"policies/p.js": "return true;\n",
	})
	loaded := load(t, hcl.Options{Path: dir})
	policy := loaded.Spec.Policies[0].Script
	file := filepath.Join(dir, "policies/p.js")
	if policy.Text != "return true;\n" || policy.Indent != 0 || policy.At.File != file || policy.At.Start != (engine.Pos{Line: 1, Column: 1}) {
		t.Errorf("got %+v", policy)
	}
	if string(loaded.Sources[file]) != policy.Text {
		t.Error("the script is not among the sources")
	}
}

func TestAScriptInJSONIsTakenWithItsEscapes(t *testing.T) {
	dir := folder(t, map[string]string{"m2md.hcl.json": `{"policy": {"p": {"script": "return ` + "`$${x}`" + ` === \"a\";"}}}`})
	if got := load(t, hcl.Options{Path: dir}).Spec.Policies[0].Script.Text; got != "return `${x}` === \"a\";" {
		t.Errorf("got %q", got)
	}
}

func TestAScriptThatIsTooLargeIsRefused(t *testing.T) {
	dir := folder(t, map[string]string{
		"m2md.hcl": "policy \"p\" {\n  script_file = \"p.js\"\n}\n",
		"p.js":     strings.Repeat("// a comment\n", 25_000),
	})
	wantSummary(t, lines(t, hcl.Load(hcl.Options{Path: dir}).Findings), `"script_file" is too large`)
}
