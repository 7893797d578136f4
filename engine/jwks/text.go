package jwks

import (
	"strconv"
	"strings"
	"unicode"
)

// maxText bounds, in characters, what of a stranger's words gets into an error
// or a status.
const maxText = 200

// safeText gives an error's text fit for a log: one line, of bounded length.
func safeText(err error) string { return printable(err.Error(), maxText) }

// quoted gives a stranger's word in quotes, printable and short.
func quoted(s string) string { return strconv.Quote(printable(s, 64)) }

// printable cuts s to a number of characters and replaces what no terminal
// should be sent.
func printable(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		if limit--; limit < 0 {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}
