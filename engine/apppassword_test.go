package engine_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
)

var appPasswordForm = regexp.MustCompile(`\Am2md_[0-9A-Za-z]{12}_[0-9A-Za-z]{33}_[0-9A-Za-z]{6}\z`)

func TestAnAppPasswordIsMadeFoundAndMatched(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	for range 200 {
		record, plain, err := engine.NewAppPassword(rand.Reader, "ci", now)
		if err != nil {
			t.Fatal(err)
		}
		text := string(plain)
		id, err := engine.ParseAppPassword(text)
		if err != nil || id != record.ID || !appPasswordForm.MatchString(text) || seen[id] {
			t.Fatalf("made one with ID %q, found ID %q: %v", record.ID, id, err)
		}
		seen[id] = true
		if !record.Matches(text) || record.Matches(text+" ") || record.Matches("") || record.Account != "ci" || !record.CreatedAt.Equal(now) {
			t.Fatalf("the record is %+v", record)
		}
	}
}

// A slip in one character, or two neighbours that changed places, is told
// without storage.
func TestAMistypedAppPasswordIsTold(t *testing.T) {
	_, plain, err := engine.NewAppPassword(rand.Reader, "ci", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	text := string(plain)
	for i := range len(text) {
		for _, c := range "09AZaz_-. é" {
			slip := text[:i] + string(c) + text[i+1:]
			if _, err := engine.ParseAppPassword(slip); slip != text && !errors.Is(err, engine.ErrAppPassword) {
				t.Fatalf("%q for character %d is taken: %v", c, i, err)
			}
		}
		if i > 0 && text[i] != text[i-1] {
			swapped := text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:]
			if _, err := engine.ParseAppPassword(swapped); !errors.Is(err, engine.ErrAppPassword) {
				t.Fatalf("characters %d and %d swapped are taken", i-1, i)
			}
		}
		if _, err := engine.ParseAppPassword(text[:i]); !errors.Is(err, engine.ErrAppPassword) {
			t.Fatalf("the first %d characters are taken", i)
		}
	}
}

func TestAnAppPasswordWithoutRandomnessIsNotMade(t *testing.T) {
	for n := range 60 {
		if record, plain, err := engine.NewAppPassword(bytes.NewReader(make([]byte, n)), "ci", time.Now()); err == nil && n < 12+33 {
			t.Fatalf("%d bytes made %v, %d characters", n, record.ID, len(plain))
		}
	}
}

func FuzzParseAppPassword(f *testing.F) {
	_, plain, err := engine.NewAppPassword(rand.Reader, "ci", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(plain))
	f.Add("m2md_")
	f.Add("m2md_" + strings.Repeat("_", 53))
	f.Add(strings.Repeat("a", 58))
	f.Fuzz(func(t *testing.T, text string) {
		id, err := engine.ParseAppPassword(text)
		if (err == nil) != (id != "") || err != nil && !errors.Is(err, engine.ErrAppPassword) {
			t.Errorf("%q: ID %q and %v", text, id, err)
		}
		if err == nil && (!appPasswordForm.MatchString(text) || text[5:17] != id) {
			t.Errorf("%q is taken, with ID %q", text, id)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) && len(text) > 12 {
			t.Errorf("the error repeats the input: %s", err)
		}
	})
}
