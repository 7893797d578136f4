package hcl

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/m2md/m2md/engine"
)

// Comment is one remark in a configuration file: what stands behind # or //, or
// in a JSON file the string of a member named "//". At is where it begins.
type Comment struct {
	Text string // without its marks and the space around it
	At   engine.Range
	// Alone says that its line holds nothing else.
	Alone bool
}

// Comments finds the remarks of the file of that name in Sources. Scripts have
// none: theirs are of another language. Remarks between /* and */ are prose.
func Comments(name string, content []byte) []Comment {
	switch path.Ext(name) {
	case ".json":
		return jsonComments(name, content)
	case ".js", ".mjs", ".ts", ".mts", ".cjs", ".cts":
		return nil
	default:
		return nativeComments(name, content)
	}
}

func nativeComments(name string, content []byte) []Comment {
	padded := append(bytes.Clone(content), closeComment...)
	tokens, _ := hclsyntax.LexConfig(padded, name, hcl.InitialPos)
	var out []Comment
	for i, tok := range tokens {
		text := bytes.TrimRight(tok.Bytes, "\r\n")
		if tok.Type != hclsyntax.TokenComment || bytes.HasPrefix(text, []byte("/*")) {
			continue
		}
		at := engine.Range{File: name, Start: rangeOf(tok.Range).Start}
		at.End = engine.Pos{Line: at.Start.Line, Column: at.Start.Column + utf8.RuneCount(text), Byte: at.Start.Byte + len(text)}
		text = bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("#")), []byte("//"))
		before := i == 0 || tokens[i-1].Range.End.Line < at.Start.Line || endsLine(tokens[i-1])
		out = append(out, Comment{Text: strings.TrimSpace(string(text)), At: at, Alone: before})
	}
	return out
}

// endsLine says whether what follows a token begins a line: the range of a
// line's end, and of a comment, reaches into the next one.
func endsLine(tok hclsyntax.Token) bool {
	return tok.Type == hclsyntax.TokenNewline || tok.Type == hclsyntax.TokenComment && bytes.HasSuffix(tok.Bytes, []byte("\n"))
}

// jsonComments are the strings of the members named "//", as far as the file is
// JSON.
func jsonComments(name string, content []byte) []Comment {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	type level struct{ object, value bool } // value: the next token is a member's value
	var open []level
	var out []Comment
	where := &cursor{content: content, at: engine.Pos{Line: 1, Column: 1}}
	for comment := false; ; {
		token, err := decoder.Token()
		if err != nil {
			return out
		}
		top := len(open) - 1
		text, isText := token.(string)
		key := isText && top >= 0 && open[top].object && !open[top].value
		if isText && comment && !key {
			out = append(out, where.comment(name, text, int(decoder.InputOffset())))
		}
		comment = key && text == "//"
		if top >= 0 {
			open[top].value = key
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open = append(open, level{object: token == json.Delim('{')})
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		}
	}
}

// cursor tells places in a text from its start on, without counting anew.
type cursor struct {
	content []byte
	at      engine.Pos
}

func (c *cursor) to(offset int) engine.Pos {
	for _, r := range string(c.content[c.at.Byte:offset]) {
		c.at.Column++
		if r == '\n' {
			c.at.Line, c.at.Column = c.at.Line+1, 1
		}
	}
	c.at.Byte = offset
	return c.at
}

// comment places a comment whose value ends at a byte.
func (c *cursor) comment(name, text string, end int) Comment {
	begin := bytes.LastIndex(c.content[:end], []byte(`"//"`))
	at := engine.Range{File: name, Start: c.to(begin), End: c.to(end)}
	before := begin
	for before > 0 && strings.IndexByte(" \t", c.content[before-1]) >= 0 {
		before--
	}
	after := end
	for after < len(c.content) && strings.IndexByte(" \t\r,", c.content[after]) >= 0 {
		after++
	}
	alone := (before == 0 || c.content[before-1] == '\n') && (after == len(c.content) || c.content[after] == '\n')
	return Comment{Text: strings.TrimSpace(text), At: at, Alone: alone && at.Start.Line == at.End.Line}
}
