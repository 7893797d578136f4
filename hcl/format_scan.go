package hcl

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is for the layout of a file. Kinds that are laid
// out alike are one.
type tokenKind uint8

const (
	tokenNone tokenKind = iota // in the place of a token that there is not
	tokenNewline
	tokenLineComment // with the end of its line, unless the file ends before
	tokenComment     // between /* and */
	tokenIdent
	tokenIn // the identifier "in"
	tokenNumber
	tokenOpenQuote
	tokenCloseQuote
	tokenText        // of a string or heredoc
	tokenOpenHeredoc // with the end of its line
	tokenCloseHeredoc
	tokenInterpolation // ${, ${~, %{ and %{~
	tokenEndInterpolation
	tokenOpenBrace
	tokenCloseBrace
	tokenOpenBracket
	tokenCloseBracket
	tokenOpenParen
	tokenCloseParen
	tokenDot
	tokenComma
	tokenEllipsis
	tokenDoubleColon
	tokenBang
	tokenMinus
	tokenEqual    // of an attribute
	tokenOperator // one that a value follows: a minus after it is a sign
	tokenFatArrow
)

// token is a stretch of a file, and how many spaces stand before it.
type token struct {
	kind       tokenKind
	spaces     int32
	start, end int32
}

// scanner splits a file in HCL's native syntax into tokens, as hclsyntax does
// but without their places and copies of them, which is most of the time that
// takes. What hclsyntax calls invalid ends it.
type scanner struct {
	src    []byte
	at     int
	tokens []token
	// open are the brackets that are open, and the strings, heredocs and
	// interpolations that they stand in.
	open []opened
	bad  *badToken
}

// opened is something that has to be closed.
type opened struct {
	kind   tokenKind
	at     int
	marker []byte // of a heredoc
}

// badToken is what no file may hold.
type badToken struct {
	at              int
	summary, remedy string
}

func (s *scanner) fail(at int, summary, remedy string) {
	if s.bad == nil {
		s.bad = &badToken{at, summary, remedy}
	}
	s.at = len(s.src)
}

// scan returns the tokens of a file, or what is wrong with it.
func scan(src []byte) ([]token, *badToken) {
	s := &scanner{src: src, tokens: make([]token, 0, len(src)/4+16)}
	for s.at < len(s.src) {
		switch s.inside() {
		case tokenOpenQuote:
			s.quoted()
		case tokenOpenHeredoc:
			s.heredoc()
		default:
			s.code()
		}
	}
	if s.bad == nil && len(s.open) > 0 {
		s.unclosed(s.open[len(s.open)-1])
	}
	return s.tokens, s.bad
}

func (s *scanner) unclosed(o opened) {
	switch o.kind {
	case tokenOpenHeredoc:
		s.fail(o.at, "this heredoc does not end", "Its end is a line with nothing but "+string(o.marker)+".")
	case tokenOpenQuote:
		s.fail(o.at, "this string does not end", "Close it with \" on the same line.")
	default:
		s.fail(o.at, "this bracket is not closed", "Close it, or remove it.")
	}
}

func (s *scanner) inside() tokenKind {
	if len(s.open) == 0 {
		return tokenNone
	}
	return s.open[len(s.open)-1].kind
}

// add appends the token that goes on for so many bytes.
func (s *scanner) add(kind tokenKind, length int) {
	s.tokens = append(s.tokens, token{kind: kind, start: int32(s.at), end: int32(s.at + length)})
	s.at += length
}

// rest says whether what follows begins with a text.
func (s *scanner) rest(text string) bool {
	return len(s.src)-s.at >= len(text) && string(s.src[s.at:s.at+len(text)]) == text
}

// push opens something with a token.
func (s *scanner) push(kind tokenKind, length int) {
	s.open = append(s.open, opened{kind: kind, at: s.at})
	s.add(kind, length)
}

// pop closes what has to be open.
func (s *scanner) pop(opener, kind tokenKind, length int) {
	if s.inside() != opener {
		s.fail(s.at, "this bracket closes nothing", "Remove it, or open what it closes.")
		return
	}
	s.open = s.open[:len(s.open)-1]
	s.add(kind, length)
}

// code reads a token outside of strings.
func (s *scanner) code() {
	switch c := s.src[s.at]; c {
	case ' ', '\t':
		s.at++
	case '\n':
		s.add(tokenNewline, 1)
	case '#':
		s.lineComment()
	case '"':
		s.push(tokenOpenQuote, 1)
	case '{':
		s.push(tokenOpenBrace, 1)
	case '}':
		s.closeBrace(1)
	case '[':
		s.push(tokenOpenBracket, 1)
	case ']':
		s.pop(tokenOpenBracket, tokenCloseBracket, 1)
	case '(':
		s.push(tokenOpenParen, 1)
	case ')':
		s.pop(tokenOpenParen, tokenCloseParen, 1)
	case ',':
		s.add(tokenComma, 1)
	case '-':
		s.add(tokenMinus, 1)
	case '+', '*', '%', '?':
		s.add(tokenOperator, 1)
	default:
		switch {
		case c >= '0' && c <= '9':
			s.number()
		case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf:
			s.ident()
		default:
			s.sign()
		}
	}
}

// signs are the tokens of more than one form of character, the longer first.
var signs = [...]struct {
	text string
	kind tokenKind
}{
	{"...", tokenEllipsis}, {"::", tokenDoubleColon}, {"=>", tokenFatArrow}, {"==", tokenOperator}, {"!=", tokenOperator},
	{">=", tokenOperator}, {"<=", tokenOperator}, {"&&", tokenOperator}, {"||", tokenOperator},
	{".", tokenDot}, {":", tokenOperator}, {"=", tokenEqual}, {"!", tokenBang}, {"<", tokenOperator}, {">", tokenOperator}, {"/", tokenOperator},
}

func (s *scanner) sign() {
	switch {
	case s.rest("\r\n"):
		s.add(tokenNewline, 2)
		return
	case s.rest("//"):
		s.lineComment()
		return
	case s.rest("/*"):
		s.comment()
		return
	case s.rest("~}"):
		s.closeBrace(2)
		return
	case s.rest("<<") && s.openHeredoc():
		return
	}
	for _, sign := range signs {
		if s.rest(sign.text) {
			s.add(sign.kind, len(sign.text))
			return
		}
	}
	s.invalid()
}

func (s *scanner) invalid() {
	s.fail(s.at, "this character has no meaning here", "Remove it, or put it into a string.")
}

// closeBrace closes a brace or an interpolation; ~} closes only the latter.
func (s *scanner) closeBrace(length int) {
	if length == 1 && s.inside() == tokenOpenBrace {
		s.pop(tokenOpenBrace, tokenCloseBrace, length)
		return
	}
	s.pop(tokenInterpolation, tokenEndInterpolation, length)
}

func (s *scanner) lineComment() {
	length := bytes.IndexByte(s.src[s.at:], '\n') + 1
	if length == 0 {
		length = len(s.src) - s.at
	}
	s.add(tokenLineComment, length)
}

func (s *scanner) comment() {
	end := bytes.Index(s.src[s.at+2:], []byte("*/"))
	if end < 0 {
		s.fail(s.at, "this comment does not end", "Close it with */.")
		return
	}
	s.add(tokenComment, end+4)
}

// number reads a number as hclsyntax does: a point belongs to it where
// something of a number follows.
func (s *scanner) number() {
	length := 1
	for i := s.at + 1; i < len(s.src); {
		switch c := s.src[i]; {
		case c >= '0' && c <= '9':
			i++
			length = i - s.at
		case c == '.':
			i++
		case (c == 'e' || c == 'E') && exponent(s.src[i+1:]) > 0:
			i += 1 + exponent(s.src[i+1:])
			length = i - s.at
		default:
			i = len(s.src)
		}
	}
	s.add(tokenNumber, length)
}

// exponent is how many bytes an exponent begins with: a sign, if any, and a digit.
func exponent(text []byte) int {
	n := 0
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		n = 1
	}
	if len(text) > n && text[n] >= '0' && text[n] <= '9' {
		return n + 1
	}
	return 0
}

func (s *scanner) ident() {
	length := identLength(s.src[s.at:])
	switch {
	case length == 0:
		s.invalid()
	case length == 2 && s.rest("in"):
		s.add(tokenIn, length)
	default:
		s.add(tokenIdent, length)
	}
}

// identLength is how many bytes of a text are an identifier.
func identLength(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || i > 0 && (c == '-' || c >= '0' && c <= '9') {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if c < utf8.RuneSelf || !inIdent(r, i > 0) {
			return i
		}
		i += size
	}
	return len(text)
}

// inIdent says whether an identifier may have a character that is not ASCII
// (UAX #31, XID_Start and XID_Continue but for the rarest).
func inIdent(r rune, within bool) bool {
	if unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start) {
		return r != utf8.RuneError
	}
	return within && unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)
}

// quoted reads a token of a string.
func (s *scanner) quoted() {
	switch c := s.src[s.at]; {
	case c == '"':
		s.pop(tokenOpenQuote, tokenCloseQuote, 1)
	case s.interpolation():
	case c == '\n' || c == '\r':
		s.unclosed(s.open[len(s.open)-1])
	default:
		s.text(func(c byte) bool { return c == '"' || c == '\n' || c == '\r' })
	}
}

// interpolation reads what opens an interpolation, if it stands here.
func (s *scanner) interpolation() bool {
	if !s.rest("${") && !s.rest("%{") {
		return false
	}
	length := 2
	if s.rest("${~") || s.rest("%{~") {
		length = 3
	}
	s.push(tokenInterpolation, length)
	return true
}

// text reads what stands in a string or heredoc up to an interpolation, or to
// what ends it.
func (s *scanner) text(ends func(byte) bool) {
	quoted, i := s.inside() == tokenOpenQuote, s.at
	for i < len(s.src) && !ends(s.src[i]) {
		c := s.src[i]
		follows := func(n int) byte {
			if i+n < len(s.src) {
				return s.src[i+n]
			}
			return 0
		}
		switch {
		case c == '\\' && quoted:
			i++
			if i < len(s.src) && (s.src[i] == '\n' || s.src[i] == '\r') {
				continue
			}
			i++
		case (c == '$' || c == '%') && follows(1) == c && follows(2) == '{': // $${ stands for ${
			i += 3
		case (c == '$' || c == '%') && follows(1) == '{':
			s.add(tokenText, i-s.at)
			return
		default:
			i++
		}
	}
	s.add(tokenText, min(i, len(s.src))-s.at)
}

// openHeredoc reads <<NAME or <<-NAME and the end of its line, if it stands here.
func (s *scanner) openHeredoc() bool {
	text := s.src[s.at+2:]
	skipped := 2
	if len(text) > 0 && text[0] == '-' {
		text, skipped = text[1:], 3
	}
	n := identLength(text)
	if n == 0 {
		return false
	}
	end := 1
	if bytes.HasPrefix(text[n:], []byte("\r\n")) {
		end = 2
	} else if !bytes.HasPrefix(text[n:], []byte("\n")) {
		return false
	}
	s.open = append(s.open, opened{kind: tokenOpenHeredoc, at: s.at, marker: text[:n]})
	s.add(tokenOpenHeredoc, skipped+n+end)
	return true
}

// heredoc reads a line of a heredoc, or a part of one beside interpolations.
func (s *scanner) heredoc() {
	if s.interpolation() {
		return
	}
	doc := s.open[len(s.open)-1]
	line := bytes.IndexByte(s.src[s.at:], '\n')
	if line < 0 {
		s.unclosed(doc)
		return
	}
	begins := s.src[s.at-1] == '\n'
	if content := s.src[s.at : s.at+line]; begins && bytes.Equal(bytes.TrimSpace(content), doc.marker) {
		s.open = s.open[:len(s.open)-1]
		s.add(tokenCloseHeredoc, len(bytes.TrimSuffix(content, []byte("\r"))))
		return // the end of the line is a token of its own
	}
	before := len(s.tokens)
	s.text(func(c byte) bool { return c == '\n' })
	if s.at < len(s.src) && s.src[s.at] == '\n' {
		s.at++
		s.tokens[before].end++
	}
}
