package hcl_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// The carets stand below what they mean, however wide that is on a terminal.
func TestCaretsStandBelowWhatTheyMean(t *testing.T) {
	tests := []struct {
		name, text, mark string // mark is the stretch that is told of
		want             string
	}{
		{"plain", `a = "x"`, `"x"`, "    ^^^"},
		{"tabs", "\ta\t= \"x\"", `"x"`, "\t \t  ^^^"},
		{"East Asian, before", `a = ["日本", 3]`, "3", "             ^"},
		{"East Asian, within", `a = "日本"`, `"日本"`, "    ^^^^^^"},
		{"fullwidth", `a = "ＡＢ"`, `"ＡＢ"`, "    ^^^^^^"},
		{"combining", "a = [\"e\u0301\", 3]", "3", "          ^"},
		{"joined by what has no width", "a = [\"x\u0301\u0302\", 3]", "3", "          ^"},
		{"several lines", "a = [\n1,\n2]", "[\n1,\n2]", "    ^ to line 3"},
		{"a block up to its line's end", "a {\n", "a {\n", "^^^"},
		{"nothing", "a = ", "", "^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			begin := strings.Index(tt.text, tt.mark)
			end := begin + len(tt.mark)
			finding := engine.Finding{Summary: "s", Detail: "d", At: engine.Range{File: "m2md.hcl", Start: place(tt.text, begin), End: place(tt.text, end)}}
			var out bytes.Buffer
			if err := hcl.WriteText(&out, engine.Findings{finding}, hcl.Sources{"m2md.hcl": []byte(tt.text)}, hcl.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(tt.text, "\n")
			want := "error: s\n  at m2md.hcl:1," + strconv.Itoa(len([]rune(tt.text[:begin]))+1) + "\n"
			want += "  1 | " + first + "\n    | " + tt.want + "\n  d\n\n1 error\n"
			if out.String() != want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), want)
			}
		})
	}
}

// place is the position of a byte.
func place(text string, at int) engine.Pos {
	before := text[:at]
	return engine.Pos{Line: strings.Count(before, "\n") + 1, Column: len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1, Byte: at}
}

// Words are laid out by the columns that they take.
func TestDetailsAreWrappedByTheirWidth(t *testing.T) {
	finding := engine.Finding{Summary: "s", Detail: "日本語 日本語 日本語 aaa", At: engine.Range{File: "x", Start: engine.Pos{Line: 1, Column: 1}}}
	var out bytes.Buffer
	if err := hcl.WriteText(&out, engine.Findings{finding}, nil, hcl.TextOptions{Width: 16, Color: true}); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1;31merror:\x1b[0m s\n  at x:1,1\n  日本語 日本語\n  日本語 aaa\n\n1 error\n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}
