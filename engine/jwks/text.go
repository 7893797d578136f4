package jwks

import (
	"strconv"

	"github.com/m2md/m2md/engine/fetch"
)

// safeText gives an error's text fit for a log: one line, of bounded length.
func safeText(err error) string { return fetch.Printable(err.Error(), fetch.MaxText) }

// quoted gives a stranger's word in quotes, printable and short.
func quoted(s string) string { return strconv.Quote(fetch.Printable(s, maxWord)) }

// maxWord bounds a quoted word, and a kid, in characters.
const maxWord = 64
