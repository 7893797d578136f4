package scripting

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sourceMap tells of a byte of what esbuild wrote where it was read.
type sourceMap struct {
	texts    []string // of the files that were read
	written  string
	segments []segment // by at
}

// segment says that what is written from at on was read from offset on. A
// negative file is none of the author's.
type segment struct{ at, file, offset int }

// place is where the byte of what was written was read. What is the same in
// both, character by character, is told exactly; of the rest, where it begins.
func (m *sourceMap) place(at int) (file, offset int, ok bool) {
	i, exact := slices.BinarySearchFunc(m.segments, at, func(s segment, at int) int { return s.at - at })
	if !exact {
		i--
	}
	if i < 0 || m.segments[i].file < 0 {
		return 0, 0, false
	}
	s := m.segments[i]
	text := m.texts[s.file]
	from, further := text[s.offset:], at-s.at
	if further > 0 && at <= len(m.written) && further <= len(from) && m.written[s.at:at] == from[:further] {
		return s.file, s.offset + further, true
	}
	return s.file, s.offset, true
}

// length is how much of what was written at a byte, at most most bytes, stands
// just so where it was read, and at least 1.
func (m *sourceMap) length(at, most int) int {
	file, offset, ok := m.place(at)
	if !ok {
		return 0
	}
	read, written := m.texts[file][offset:], m.written[min(at, len(m.written)):]
	n := 0
	for n < most && n < len(read) && n < len(written) && read[n] == written[n] {
		n++
	}
	return max(n, min(most, 1))
}

// errSourceMap is a bug of esbuild's or of this reader's.
var errSourceMap = errors.New("the source map cannot be read")

// readSourceMap reads version 3 of the format (ECMA-426), as esbuild writes
// it. names are those of the texts.
func readSourceMap(content []byte, written string, names, texts []string) (*sourceMap, error) {
	var document struct {
		Sources  []string `json:"sources"`
		Mappings string   `json:"mappings"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("%w: %w", errSourceMap, err)
	}
	files := make([]int, len(document.Sources))
	for i, source := range document.Sources {
		files[i] = slices.Index(names, source)
	}
	m := &sourceMap{texts: texts, written: written}
	readers := make([]*columns, len(texts))
	for i, text := range texts {
		readers[i] = newColumns(text)
	}
	out := newColumns(written)
	var source, line, column int // each is told by its difference to the last
	row := 0
	for group := range strings.SplitSeq(document.Mappings, ";") {
		at := 0
		for one := range strings.SplitSeq(group, ",") {
			if one == "" {
				continue
			}
			values, err := readVLQ(one)
			if err != nil || len(values) != 1 && len(values) < 4 {
				return nil, errSourceMap
			}
			at += values[0]
			s := segment{at: out.offset(row, at), file: -1}
			if len(values) >= 4 {
				source, line, column = source+values[1], line+values[2], column+values[3]
				if source < 0 || source >= len(files) {
					return nil, errSourceMap
				}
				if s.file = files[source]; s.file >= 0 {
					s.offset = readers[s.file].offset(line, column)
				}
			}
			m.segments = append(m.segments, s)
		}
		row++
	}
	slices.SortStableFunc(m.segments, func(a, b segment) int { return a.at - b.at })
	return m, nil
}

// readVLQ reads the numbers of one segment: base64 digits of five bits each,
// the lowest first, of which the first holds the sign.
func readVLQ(s string) ([]int, error) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var values []int
	value, shift := 0, 0
	for i := range len(s) {
		digit := strings.IndexByte(digits, s[i])
		if digit < 0 || shift > 30 {
			return nil, errSourceMap
		}
		value |= digit & 31 << shift
		if shift += 5; digit&32 != 0 {
			continue
		}
		if value&1 != 0 {
			value = -(value >> 1)
		} else {
			value >>= 1
		}
		values = append(values, value)
		value, shift = 0, 0
	}
	if shift != 0 {
		return nil, errSourceMap
	}
	return values, nil
}

// columns finds bytes of a text by line and column, both from 0, the column in
// UTF-16 code units as source maps count.
type columns struct {
	text  string
	lines []int // where each begins
	ascii bool
}

func newColumns(text string) *columns {
	c := &columns{text: text, lines: []int{0}, ascii: true}
	for i := range len(text) {
		switch {
		case text[i] == '\n' || text[i] == '\r' && !strings.HasPrefix(text[i+1:], "\n"):
			c.lines = append(c.lines, i+1)
		case text[i] >= utf8.RuneSelf:
			c.ascii = false
			if separator := text[i:]; strings.HasPrefix(separator, "\u2028") || strings.HasPrefix(separator, "\u2029") {
				c.lines = append(c.lines, i+len("\u2028"))
			}
		}
	}
	return c
}

func (c *columns) offset(line, column int) int {
	if line < 0 || line >= len(c.lines) {
		return len(c.text)
	}
	start := c.lines[line]
	if c.ascii {
		return min(start+max(column, 0), len(c.text))
	}
	for i, r := range c.text[start:] {
		if column <= 0 {
			return start + i
		}
		column--
		if r > 0xffff {
			column--
		}
	}
	return len(c.text)
}

// fileNumber is the number in the name that esbuild knows a file by.
func fileNumber(name string) int {
	number, found := strings.CutPrefix(name, moduleNamespace+":")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		return -1
	}
	return n
}
