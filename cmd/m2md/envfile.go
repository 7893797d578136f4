package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxEnvFile bounds a file of variables in bytes.
const maxEnvFile = 1 << 20

// envFileError is what is wrong with a line of such a file. It never quotes the
// line, which may be a secret in the wrong place.
type envFileError struct {
	line int
	what string
}

func (e envFileError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// readEnvFile reads variables, one NAME=VALUE a line. It may be a pipe, such as
// that of a program that decrypts.
func readEnvFile(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxEnvFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxEnvFile:
		return nil, fmt.Errorf("%s: it has more than %d bytes", path, maxEnvFile)
	}
	variables, err := parseEnvFile(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return variables, nil
}

// envName is a name that every shell can set.
var envName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// parseEnvFile parses NAME=VALUE lines. Empty lines and those that begin with #
// say nothing. A value stands as it is up to the line's end, without white space
// at its ends; or in single quotes, as it is; or in double quotes, where \n, \r,
// \t, \" and \\ are the only escapes. In quotes it may have several lines. $ means
// nothing.
func parseEnvFile(content string) (map[string]string, error) {
	p := &envParser{rest: strings.TrimPrefix(content, "\uFEFF"), line: 1, found: map[string]string{}}
	for p.rest != "" {
		if err := p.entry(); err != nil {
			return nil, err
		}
	}
	return p.found, nil
}

// envParser is at the begin of a line.
type envParser struct {
	rest  string
	line  int
	found map[string]string
}

func (p *envParser) fault(what string, args ...any) error {
	return envFileError{p.line, fmt.Sprintf(what, args...)}
}

// entry takes one variable, or a line that says nothing.
func (p *envParser) entry() error {
	text, after, _ := strings.Cut(p.rest, "\n")
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || strings.HasPrefix(trimmed, "#") {
		p.rest = after
		p.line++
		return nil
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return p.fault("it is not UTF-8 text")
	}
	given, _, is := strings.Cut(text, "=")
	if !is {
		return p.fault("it has no =; write NAME=VALUE")
	}
	name := strings.TrimSpace(given)
	if exported, ok := strings.CutPrefix(name, "export "); ok {
		name = strings.TrimSpace(exported)
	}
	if !envName.MatchString(name) {
		return p.fault("what stands before the = is no name; a name has letters, digits and _, and begins with no digit")
	}
	if _, twice := p.found[name]; twice {
		return p.fault("%s is given twice", name)
	}
	value, err := p.value(strings.TrimLeft(p.rest[len(given)+1:], " \t"))
	if err != nil {
		return err
	}
	p.found[name] = value
	return nil
}

// value takes the value of a variable, and the rest of its last line.
func (p *envParser) value(from string) (string, error) {
	if from != "" && (from[0] == '"' || from[0] == '\'') {
		return p.quoted(from)
	}
	text, after, _ := strings.Cut(from, "\n")
	text = strings.TrimSpace(text)
	if strings.Contains(text, " #") || strings.Contains(text, "\t#") {
		return "", p.fault("whether # begins a comment is not clear; put the value in quotes")
	}
	p.rest = after
	p.line++
	return text, nil
}

// quoted takes a value in quotes, which may have several lines.
func (p *envParser) quoted(from string) (string, error) {
	var value strings.Builder
	quote := from[0]
	for i := 1; i < len(from); i++ {
		switch c := from[i]; {
		case c == quote:
			return p.closed(value.String(), from[1:i], from[i+1:])
		case c == '\\' && quote == '"':
			i++
			if i == len(from) {
				return "", p.fault("its quote is not closed")
			}
			escaped, known := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}[from[i]]
			if !known {
				return "", p.fault(`a \ that escapes nothing; write \\, or put the value in single quotes`)
			}
			value.WriteByte(escaped)
		default:
			value.WriteByte(c)
		}
	}
	return "", p.fault("its quote is not closed")
}

// closed ends a quoted value: nothing but a comment may follow it.
func (p *envParser) closed(value, raw, from string) (string, error) {
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", p.fault("it is not UTF-8 text")
	}
	behind, after, _ := strings.Cut(from, "\n")
	p.line += strings.Count(raw, "\n")
	if behind = strings.TrimSpace(behind); behind != "" && !strings.HasPrefix(behind, "#") {
		return "", p.fault("something follows the closing quote")
	}
	p.rest = after
	p.line++
	return value, nil
}

// environment is what env() asks: the process' environment, or a file of
// variables and, where that is wanted, the process' besides.
func environment(file string, inherit bool) (func(string) (string, bool), error) {
	if file == "" {
		return nil, nil
	}
	variables, err := readEnvFile(file)
	if err != nil {
		var at envFileError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("--env-from %w", err)
		}
		return nil, fmt.Errorf("--env-from: %w", err)
	}
	return func(name string) (string, bool) {
		if value, given := variables[name]; given {
			return value, true
		}
		if inherit {
			return os.LookupEnv(name)
		}
		return "", false
	}, nil
}
