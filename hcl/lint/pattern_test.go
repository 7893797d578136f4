package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
)

func pattern(t testing.TB, source string) *engine.Pattern {
	t.Helper()
	p, err := engine.ParsePattern(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A … behind a text says that anything may follow.
func TestBeginningsAreHowWhatMatchesBegins(t *testing.T) {
	tests := []struct {
		pattern string
		want    []string
	}{
		{`main`, []string{"main"}},
		{`acme/.*`, []string{"acme/…"}},
		{`.*/api`, []string{"…"}},
		{`a|bc.+`, []string{"a", "bc…"}},
		{`refs/heads/(main|release-.+)`, []string{"refs/heads/main", "refs/heads/release-…"}},
		{`v[12]`, []string{"v1", "v2"}},
		{`v[0-9]+`, []string{"v…"}},
		{`ab?c`, []string{"ac", "abc"}},
		{`a{2}b`, []string{"aab"}},
		{`a{2,}b`, []string{"aa…"}},
		{`^main$`, []string{"main"}},
		{`(?i)main`, []string{"MAIN"}},
		{`(acme/)+x`, []string{"acme/…"}},
		{`\.x\Q+\E`, []string{".x+"}},
		{`([ab][ab][ab][ab][ab][ab][ab])x`, []string{"aaaaaa…"}}, // 128: too many to list
	}
	for _, tt := range tests {
		var got []string
		for _, b := range beginnings(pattern(t, tt.pattern)) {
			if !b.whole {
				b.text += "…"
			}
			got = append(got, b.text)
		}
		if tt.pattern[0] == '(' && len(got) > 32 { // the first of many will do
			got = got[:1]
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("%s begins with %q, want %q", tt.pattern, got, tt.want)
		}
	}
}

func TestPatternsAreJudgedByHowTheyAreWritten(t *testing.T) {
	tests := []struct {
		pattern                         string
		dot, alternative, all, takesOut bool
	}{
		{pattern: `acme/api`},
		{pattern: `acme/.github/x`, dot: true},
		{pattern: `acme/\.github/x`},
		{pattern: `acme/[.]github/x`},
		{pattern: `[]a.b]x`},
		{pattern: `v1.2`, dot: true},
		{pattern: `v1.*`},
		{pattern: `refs/heads/.`},
		{pattern: `refs/heads/main|release`, alternative: true},
		{pattern: `refs/heads/(main|release)`},
		{pattern: `refs/heads/main|refs/heads/dev`},
		{pattern: `main|dev`},
		{pattern: `a\|b/c`},
		{pattern: `.*`, all: true},
		{pattern: `(?:.+)`, all: true},
		{pattern: `[^ ]+`, all: true},
		{pattern: `[a-z]+`},
		{pattern: `repo:a/.*:ref:x`, takesOut: true},
		{pattern: `repo:a/(b|.*:ref:x)`, takesOut: true},
		{pattern: `repo:a/[^:]+:ref:x`},
		{pattern: `repo:a/.*`},
		{pattern: `repo:a/.*:1`},
	}
	for _, tt := range tests {
		p := pattern(t, tt.pattern)
		if got := bareDot(tt.pattern); got != tt.dot {
			t.Errorf("%s: bareDot = %t", tt.pattern, got)
		}
		if got := loseAlternative(tt.pattern); got != tt.alternative {
			t.Errorf("%s: loseAlternative = %t", tt.pattern, got)
		}
		if got := universal(p); got != tt.all {
			t.Errorf("%s: universal = %t", tt.pattern, got)
		}
		if got := splits(p, ':'); got != tt.takesOut {
			t.Errorf("%s: splits = %t", tt.pattern, got)
		}
	}
}

// A pattern has 1024 bytes, and may be written so that it stands for very much.
func TestNoPatternTakesLong(t *testing.T) {
	hostile := []string{
		strings.Repeat("(a|b|c)", 140),
		strings.Repeat("[a-h]", 200),
		strings.Repeat("(", 300) + "a" + strings.Repeat(")?", 300),
		"((((a{8}){8}){8}){1})",
		strings.Repeat("a|", 511) + "a",
		strings.Repeat("(a?){8}", 100),
	}
	for _, source := range hostile {
		p, err := engine.ParsePattern(source)
		if err != nil {
			continue
		}
		began := time.Now()
		got := fmt.Sprint(len(beginnings(p)), finite(p), universal(p), splits(p, ':'), bareDot(source), loseAlternative(source))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%.20s… took %s (%s)", source, took, got)
		}
	}
}
