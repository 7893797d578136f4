package fetch

import (
	"strings"
	"unicode"
)

// MaxText bounds, in characters, what of a stranger's words gets into an error
// or a status.
const MaxText = 200

// Printable makes a stranger's words fit for a log: it cuts them to a number of
// characters and replaces what no terminal should be sent.
func Printable(s string, limit int) string {
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
