package main

import (
	"strconv"
	"strings"

	"github.com/m2md/m2md/engine/serve"
)

// shownHistory is how many reloads status shows; --format json has all that are
// remembered.
const shownHistory = 5

// writeRevision tells what serves is called in Git, and whether it is not what
// the files are.
func writeRevision(line func(name, form string, args ...any), s serve.Status) {
	if s.LastGood != nil {
		line("LAST GOOD", "the files have faults; what served before does, kept %s", when(s.LastGood.KeptAt))
	}
	if s.Revision.Commit != "" {
		line("git", "HEAD was %s when the files were read; whether they are as committed is not known", revisionText(s.Revision))
	}
}

// writeHistory tells how the last reloads went, the newest first.
func writeHistory(line func(name, form string, args ...any), history []serve.PastReload) {
	for _, one := range history[:min(len(history), shownHistory)] {
		words := []string{when(one.At), one.Outcome}
		if one.Outcome != serve.ReloadRefused {
			words = append(words, "as generation", strconv.FormatUint(one.Generation, 10))
		}
		if one.Hash != "" {
			words = append(words, "hash", shortHash(one.Hash))
		}
		if one.Revision.Commit != "" {
			words = append(words, "git", revisionText(one.Revision))
		}
		if one.Faults > 0 {
			words = append(words, counted(one.Faults, "fault")+",", "first", one.Fault)
		}
		line("history", "%s", strings.Join(words, " "))
	}
}
