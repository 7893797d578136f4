package hcl

import "bytes"

// Bounds of a plain file: so low that no check of a meter can fail.
const (
	plainDepth     = maxDepth / 2
	plainOperators = maxOperators / plainDepth // in one bracket
	plainText      = 4 << 10                   // of one string
	plainDigits    = 18
)

// plain says of most files, at a glance, that they keep all bounds: those with
// one-line strings and without templates, heredocs, block comments and loops.
// Lexing takes a third of the time of parsing, and the parser lexes again.
// Where plain is not sure, it says no.
func plain(src []byte) bool {
	var p plainScan
	for len(src) > 0 {
		size := p.step(src)
		if size == 0 || p.operators[p.depth] > plainOperators {
			return false
		}
		src = src[size:]
	}
	return true
}

// plainScan counts, for each bracket that is open, the operators in it.
type plainScan struct {
	depth     int
	brackets  [plainDepth + 1]byte // what opened each; the first is the file
	operators [plainDepth + 1]int
}

// step takes what src begins with and returns its size, 0 where it is not
// plain.
func (p *plainScan) step(src []byte) int {
	switch c := src[0]; c {
	case ' ', '\t', '\r':
		return 1
	case '\n':
		if p.depth == 0 || p.brackets[p.depth] == '{' {
			p.operators[p.depth] = 0
		}
		return 1
	case ',':
		p.operators[p.depth] = 0
		return 1
	case '"':
		return plainString(src)
	case '#':
		return lineEnd(src)
	case '/':
		if len(src) > 1 && src[1] == '/' {
			return lineEnd(src)
		}
		return 0
	case '(', '[', '{':
		return p.open(c)
	case ')':
		return p.close('(')
	case ']':
		return p.close('[')
	case '}':
		return p.close('{')
	case '.', '-', '+', '*', '!', '?', ':', '=', '>', '&', '|':
		p.operators[p.depth]++
		return 1
	default:
		return plainWord(src)
	}
}

func (p *plainScan) open(c byte) int {
	p.operators[p.depth]++
	if p.depth == plainDepth || p.operators[p.depth] > plainOperators {
		return 0
	}
	p.depth++
	p.brackets[p.depth], p.operators[p.depth] = c, 0
	return 1
}

func (p *plainScan) close(opener byte) int {
	if p.brackets[p.depth] != opener {
		return 0
	}
	p.depth--
	return 1
}

// plainString is the size of a string without escapes and templates.
func plainString(src []byte) int {
	end := bytes.IndexByte(src[1:min(len(src), plainText)], '"')
	if end < 0 || bytes.ContainsAny(src[1:1+end], "\\$%\r\n") {
		return 0
	}
	return end + 2
}

// lineEnd is the size of a comment up to its line's end.
func lineEnd(src []byte) int {
	if end := bytes.IndexByte(src, '\n'); end >= 0 {
		return end
	}
	return len(src)
}

// plainWord is the size of a name, or of a number without an exponent.
func plainWord(src []byte) int {
	size := 0
	for size < len(src) && isWord(src[size]) {
		size++
	}
	if size == 0 || src[0] == '-' {
		return 0
	}
	if src[0] < '0' || src[0] > '9' {
		if string(src[:size]) == "for" {
			return 0
		}
		return size
	}
	digits := bytes.TrimLeft(src[:size], "0123456789")
	fraction := size < len(src) && src[size] == '.' // whatever follows: an exponent may
	if len(digits) > 0 || size > plainDigits || fraction {
		return 0
	}
	return size
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
