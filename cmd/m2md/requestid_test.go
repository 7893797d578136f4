package main

import (
	"strings"
	"testing"
)

// Which records a sample keeps hangs on the id, so a client that was told one
// must not know the next.
func TestRequestIDsAreOfTheirFormAndCannotBeFollowed(t *testing.T) {
	ids := newRequestIDs()
	seen, ends := map[string]bool{}, map[string]bool{}
	for range 1000 {
		id := ids.next()
		if seen[id] || !requestIDForm.MatchString(id) || !strings.HasPrefix(id, ids.process) {
			t.Fatalf("%q", id)
		}
		seen[id], ends[id[len(id)-3:]] = true, true
	}
	if len(ends) < 900 {
		t.Errorf("%d different ends of 1000", len(ends))
	}
}
