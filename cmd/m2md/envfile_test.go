package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVariablesAreReadFromLines(t *testing.T) {
	tests := []struct {
		name, content string
		want          map[string]string
	}{
		{"nothing", "", map[string]string{}},
		{"as it stands", "A=one two\nB=$A=`x`\n", map[string]string{"A": "one two", "B": "$A=`x`"}},
		{"white space at the ends", "  A = one \t\r\n", map[string]string{"A": "one"}},
		{"empty", "A=\nB=\"\"\n", map[string]string{"A": "", "B": ""}},
		{"comments and empty lines", "# A=1\n\n \t\n  # x\nA=1#2\n", map[string]string{"A": "1#2"}},
		{"export", "export A=1", map[string]string{"A": "1"}},
		{"a mark of the byte order", "\uFEFFA=1\n", map[string]string{"A": "1"}},
		{"single quotes", "A='a \\n \"b\" # $' # said\n", map[string]string{"A": `a \n "b" # $`}},
		{"double quotes", `A="a\n\t\r\"\\\$"` + "\n", map[string]string{"A": "a\n\t\r\"\\$"}},
		{"several lines", "A='one\ntwo'\nB=3\n", map[string]string{"A": "one\ntwo", "B": "3"}},
		{"no line's end", "A=1", map[string]string{"A": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseEnvFile(tt.content); err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// An error names the line, and repeats nothing of it: a secret may stand anywhere.
func TestAFaultOfAVariablesFileNamesItsLineAndNotWhatStandsThere(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"no =", "A=1\nsentinel\n", "line 2: it has no =; write NAME=VALUE"},
		{"no name", "sentinel-x=1\n", "line 1: what stands before the = is no name; a name has letters, digits and _, and begins with no digit"},
		{"twice", "A=1\n\nA=sentinel\n", "line 3: A is given twice"},
		{"a comment, or not", "A=sentinel # x\n", "line 1: whether # begins a comment is not clear; put the value in quotes"},
		{"an open quote", "\nA=\"sentinel\nB=1\n", "line 2: its quote is not closed"},
		{"an open quote behind a \\", `A="sentinel\`, "line 1: its quote is not closed"},
		{"an unknown escape", `A="sentinel\x41"`, `line 1: a \ that escapes nothing; write \\, or put the value in single quotes`},
		{"more behind the quote", "A='x\ny'sentinel\n", "line 2: something follows the closing quote"},
		{"no UTF-8", "A=sentinel\xff\n", "line 1: it is not UTF-8 text"},
		{"NUL", "A='sentinel\x00'\n", "line 1: it is not UTF-8 text"},
		{"after several lines", "A='1\n2\n3'\nsentinel\n", "line 4: it has no =; write NAME=VALUE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseEnvFile(tt.content); err == nil || err.Error() != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzVariablesFile(f *testing.F) {
	f.Add("A=1\nexport B='x\ny' # c\nC=\"\\n\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		got, err := parseEnvFile(content)
		if (got == nil) != (err != nil) {
			t.Errorf("got %q and %v", got, err)
		}
	})
}

func TestAVariablesFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.env")
	writeFile(t, path, "A="+strings.Repeat("x", maxEnvFile))
	if _, err := readEnvFile(path); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
	if _, err := readEnvFile(filepath.Dir(path)); err == nil {
		t.Error("a folder is read")
	}
	if _, err := readEnvFile(path + ".not"); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}
