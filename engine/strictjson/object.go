package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxNesting bounds how deep objects and lists stand in each other, the
// outermost object included.
const MaxNesting = 100

// Errors of Object and Members, besides *RepeatedError.
var (
	ErrNoObject  = errors.New("it is not a JSON object")
	ErrMalformed = errors.New("it is not well-formed JSON")
	ErrTooDeep   = errors.New("it is nested too deep: more than 100 levels")
	ErrFollowed  = errors.New("something follows its JSON object")
)

// RepeatedError says that an object names a member twice.
type RepeatedError struct {
	Name string // in a stranger's words: not in the error's text
}

func (*RepeatedError) Error() string { return "it names a member twice" }

// Object reads exactly one JSON object, with nothing but white space around it.
// Its values are string, bool, json.Number (with the digits as they came), nil,
// []any and map[string]any. Errors never repeat the input.
func Object(raw []byte) (map[string]any, error) {
	return read(raw, decodeValue)
}

// Members reads one JSON object as Object does, but leaves its values unread:
// each is well-formed, and nothing else was asked of it. It is for documents
// where one bad value must not spoil the others.
func Members(raw []byte) (map[string]json.RawMessage, error) {
	return read(raw, unread, jsontext.AllowInvalidUTF8(true))
}

// valueReader reads the next value of an object or list at a depth.
type valueReader[T any] func(d *jsontext.Decoder, depth int) (T, error)

// read reads a document. Repeated names are left to readObject, which has to
// put them into a map anyway.
func read[T any](raw []byte, value valueReader[T], options ...jsontext.Options) (map[string]T, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), append(options, jsontext.AllowDuplicateNames(true))...)
	if d.PeekKind() != '{' {
		return nil, ErrNoObject
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, ErrMalformed
	}
	object, err := readObject(d, 1, value)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, ErrFollowed
	}
	return object, nil
}

// readObject reads the members of an object and its end.
func readObject[T any](d *jsontext.Decoder, depth int, value valueReader[T]) (map[string]T, error) {
	object := map[string]T{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, ErrMalformed
		}
		name := token.String() // before the next token takes its place
		if _, twice := object[name]; twice {
			return nil, &RepeatedError{name}
		}
		if object[name], err = value(d, depth); err != nil {
			return nil, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, ErrMalformed
	}
	return object, nil
}

// decodeValue builds the next value, whatever it is.
func decodeValue(d *jsontext.Decoder, depth int) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, ErrMalformed
	}
	switch token.Kind() {
	case '{', '[':
		if depth == MaxNesting {
			return nil, ErrTooDeep
		}
		if token.Kind() == '[' {
			return decodeList(d, depth+1)
		}
		return readObject(d, depth+1, decodeValue)
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func decodeList(d *jsontext.Decoder, depth int) ([]any, error) {
	list := []any{}
	for d.PeekKind() != ']' {
		member, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, member)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, ErrMalformed
	}
	return list, nil
}

// unread checks no more of the next value than that it ends.
func unread(d *jsontext.Decoder, _ int) (json.RawMessage, error) {
	value, err := d.ReadValue()
	if err != nil {
		return nil, ErrMalformed
	}
	return json.RawMessage(bytes.Clone(value)), nil
}
