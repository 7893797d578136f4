package hcl

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// nativeFiles are all files in HCL's native syntax of this repository.
func nativeFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, root := range []string{"../testdata", "../examples", "testdata"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".hcl" {
				return err
			}
			files[path], err = os.ReadFile(path)
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if len(files) < 20 {
		t.Fatalf("only %d files were found", len(files))
	}
	return files
}

// sound says whether hclsyntax parses a file.
func sound(content []byte) bool {
	_, diags := hclsyntax.ParseConfig(content, "a.hcl", hcl.InitialPos)
	return !diags.HasErrors()
}

func TestTheLayoutIsThatOfHCLWrite(t *testing.T) {
	compared := 0
	for path, content := range nativeFiles(t) {
		content = bytes.TrimPrefix(content, []byte("\uFEFF"))
		if len(content) > 200_000 || bytes.Count(content, []byte("(")) > 2000 || !sound(content) { // hclwrite takes for ever
			continue
		}
		compared++
		checkLayout(t, path, content)
	}
	if compared < 15 {
		t.Errorf("only %d files were compared", compared)
	}
}

// checkLayout holds Format against hclwrite, which alone leaves spaces where the
// file ends.
func checkLayout(t *testing.T, name string, content []byte) {
	t.Helper()
	got, found := Format(name, content)
	if got == nil {
		t.Errorf("%s: it cannot be laid out: %v", name, found)
		return
	}
	if want := hclwrite.Format(content); !bytes.Equal(got, want) && !bytes.Equal(got, bytes.TrimRight(want, " ")) {
		t.Errorf("%s: laid out as\n%q\nwhere hclwrite has\n%q", name, got, want)
	}
	if again, _ := Format(name, got); !bytes.Equal(again, got) {
		t.Errorf("%s: laid out again as\n%q\nafter\n%q", name, again, got)
	}
}

func TestLayouts(t *testing.T) {
	tests := []struct{ name, from, want string }{
		{"equals signs under each other", "a=1\nbcd   =2\n", "a   = 1\nbcd = 2\n"},
		{"a block's own", "x {\na=1\n\nbcd=2\n}\n", "x {\n  a = 1\n\n  bcd = 2\n}\n"},
		{"comments under each other", "a = 1 # one\nbcd = 222   // two\n", "a   = 1   # one\nbcd = 222 // two\n"},
		{"tabs become spaces", "x {\n\ta\t=\t1\n}\n", "x {\n  a = 1\n}\n"},
		{"an object", "a = {b=1,c=2}\n", "a = { b = 1, c = 2 }\n"},
		{"an object over lines", "a = {\nb=1\nccc=2\n}\n", "a = {\n  b   = 1\n  ccc = 2\n}\n"},
		{"a list over lines", "a = [\n1,\n2]\n", "a = [\n  1,\n2]\n"},
		{"an empty block", "x    {   }\n", "x {}\n"},
		{"signs", "a = -1\nb = 2- -1\nc = !  d\n", "a = -1\nb = 2 - -1\nc = !d\n"},
		{"a call, an index, a splat", "a = f ( 1,2 ) [0] .b [ * ]\n", "a = f(1, 2)[0].b[*]\n"},
		{"a loop", "a=[for x in[1]:x]\n", "a = [for x in [1] : x]\n"},
		{"an interpolation", "a = \"x${ b+1 }y\"\n", "a = \"x${b + 1}y\"\n"},
		{"white space before the end of a line", "a = 1   \n   \nb = 2\t\n", "a = 1\n\nb = 2\n"},
		{"Windows' ends of lines stay", "a=1\r\nbcd=2\r\n", "a   = 1\r\nbcd = 2\r\n"},
		{"a script stays as it is", "p {\nscript=<<-JS\n      if (a)   return   false ;\n\n\t\treturn true\n  JS\nb=1\n}\n", "p {\n  script = <<-JS\n      if (a)   return   false ;\n\n\t\treturn true\n  JS\n  b      = 1\n}\n"},
		{"characters that people count as one", "é=1 # a\nab = \"👩‍👩‍👧\" # b\n", "é  = 1   # a\nab = \"👩‍👩‍👧\" # b\n"},
		{"a mark of the byte order goes", "\uFEFFa=1\n", "a = 1\n"},
		{"an end without a line break stays", "a=1", "a = 1"},
		{"nothing", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := Format("a.hcl", []byte(test.from))
			if string(got) != test.want || len(found) > 0 {
				t.Errorf("%q is laid out as\n%q, not as\n%q; %v", test.from, got, test.want, found)
			}
		})
	}
}

func TestWhatCannotBeSplitIntoTokensIsLeftAlone(t *testing.T) {
	tests := []struct {
		name, text, summary string
		line, column        int
	}{
		{"an open brace", "a {\n  b = 1\n", "this bracket is not closed", 1, 3},
		{"a closing bracket too many", "a = 1]\n", "this bracket closes nothing", 1, 6},
		{"brackets that cross", "a = [(1])\n", "this bracket closes nothing", 1, 8},
		{"an open string", "a = \"b\nc = 1\n", "this string does not end", 1, 5},
		{"an open heredoc", "a = <<X\nb\n", "this heredoc does not end", 1, 5},
		{"an open comment", "a = 1 /* b\n", "this comment does not end", 1, 7},
		{"a sign without a meaning", "a = 1\nb = `c`\n", "this character has no meaning here", 2, 5},
		{"bytes that are no text", "a = \"\xff\"\n", "this is not UTF-8", 1, 6},
		{"bytes that are no text behind some that are", "é = \"\ufffd\xff\"\n", "this is not UTF-8", 1, 7},
		{"NUL", "a = 1\x00\n", "this character has no meaning here", 1, 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := Format("a.hcl", []byte(test.text))
			if got != nil || len(found) != 1 {
				t.Fatalf("laid out as %q, with %v", got, found)
			}
			at := found[0].At
			if found[0].Summary != test.summary || found[0].Detail == "" || at.File != "a.hcl" || at.Start.Line != test.line || at.Start.Column != test.column {
				t.Errorf("it says %q at %s, not %q at %d:%d", found[0].Summary, at, test.summary, test.line, test.column)
			}
		})
	}
}

func FuzzFormat(f *testing.F) {
	for _, content := range nativeFiles(f) {
		if len(content) < 4000 {
			f.Add(content)
		}
	}
	for _, text := range []string{
		"a = \"$${b}%%{c}$$${d}\\\"${e}\"\n", "a = <<X\n${b}\nX\n", "a = 1.5e+3.b\n", "a = b ? -c : !d\n", "a = [for k, v in m : k => v...]\n",
		"a = x::y(1)\n", "a = \"%{ if b ~}c%{ endif }\"\n", "a /* b */ = 1 /* c */\n", "a = (\n1\n)\n", "a = {\n(b) = 1, c : 2\n}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 10_000 || !plain(content) && strings.Count(string(content), "(")+strings.Count(string(content), "[")+strings.Count(string(content), "{") > 500 {
			return // hclsyntax would overflow its stack
		}
		got, _ := Format("a.hcl", content)
		switch isSound := utf8.Valid(content) && sound(content) && !bytes.HasPrefix(content, []byte("\uFEFF")); {
		case isSound:
			checkLayout(t, "a.hcl", content)
		case got != nil:
			if again, _ := Format("a.hcl", got); !bytes.Equal(again, got) {
				t.Errorf("%q is laid out as %q and then as %q", content, got, again)
			}
		}
	})
}

func BenchmarkFormat(b *testing.B) {
	one, err := os.ReadFile("../testdata/valid/product/m2md.hcl")
	if err != nil {
		b.Fatal(err)
	}
	file := bytes.Repeat(append(one, '\n'), 100)
	b.Run("m2md", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			Format("a.hcl", file)
		}
	})
	b.Run("hclwrite", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			hclwrite.Format(file)
		}
	})
}

func TestTheExamplesAreLaidOut(t *testing.T) {
	for path, content := range nativeFiles(t) {
		if !strings.HasPrefix(path, "../examples/") && !strings.HasPrefix(path, "../testdata/valid/") {
			continue
		}
		if laid, found := Format(path, content); !bytes.Equal(laid, content) {
			t.Errorf("%s is not laid out, `m2md fmt` does it; %v", path, found)
		}
	}
}
