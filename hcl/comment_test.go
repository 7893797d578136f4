package hcl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/hcl"
)

func TestCommentsAreFoundWhereTheyStand(t *testing.T) {
	tests := []struct {
		name, file, content string
		want                []string // LINE,COLUMN TEXT, with a ! before what stands alone
	}{
		{"native", "a.hcl", "# one\nserver { // two\n  listen = \"#no\" # three\n\n  # é\n}\n", []string{"!1,1 one", "2,10 two", "3,18 three", "!5,3 é"}},
		{"prose and text of others", "a.hcl", "/* one */\nx = <<-JS\n  // two\n  # three\nJS\n", nil},
		{"a comment that is never closed", "a.hcl", "# one\n/* two\n# three", []string{"!1,1 one"}},
		{"several in a row", "a.hcl", "# one\n# two\nx = 1 # three\n# four", []string{"!1,1 one", "!2,1 two", "3,7 three", "!4,1 four"}},
		{"JSON", "a.hcl.json", "{\n  \"//\": \"one\",\n  \"server\": {\"listen\": \"//\", \"//\": \"two\"}\n}", []string{"!2,3 one", "3,30 two"}},
		{"JSON in lists, and other values", "a.hcl.json", `{"a": ["//", "x", {"//": "one"}], "//": 3, "b": {"//": ["no"]}}`, []string{"1,20 one"}},
		{"JSON that breaks off", "a.hcl.json", "{\"//\": \"one\", ]", []string{"1,2 one"}},
		{"a script", "a.js", "// one", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, one := range hcl.Comments(tt.file, []byte(tt.content)) {
				alone := ""
				if one.Alone {
					alone = "!"
				}
				if one.At.File != tt.file || !strings.Contains(tt.content[one.At.Start.Byte:one.At.End.Byte], one.Text) {
					t.Errorf("%q is not at %+v", one.Text, one.At)
				}
				got = append(got, fmt.Sprintf("%s%d,%d %s", alone, one.At.Start.Line, one.At.Start.Column, one.Text))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Places are counted once for the whole file, however many comments are in it.
func FuzzComments(f *testing.F) {
	f.Add("a.hcl", "# one\nx = 1 // two\n")
	f.Add("a.hcl.json", `{"//": "one", "x": [{"//": "two"}]}`)
	f.Fuzz(func(t *testing.T, name, content string) {
		for _, one := range hcl.Comments(name, []byte(content)) {
			if one.At.Start.Line < 1 || one.At.Start.Byte > one.At.End.Byte || one.At.End.Byte > len(content) {
				t.Errorf("a comment at %+v of %d bytes", one.At, len(content))
			}
		}
	})
}
