package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/m2md/m2md/engine/strictjson"
)

func TestAnObjectIsReadAsItStands(t *testing.T) {
	tests := []struct {
		raw  string
		want map[string]any
	}{
		{`{}`, map[string]any{}},
		{" \r\n\t{ } \n", map[string]any{}},
		{`{"a":null,"b":true,"c":false,"d":""}`, map[string]any{"a": nil, "b": true, "c": false, "d": ""}},
		{`{"a":9007199254740993,"b":1.50,"c":1e400,"d":-0}`, map[string]any{"a": json.Number("9007199254740993"), "b": json.Number("1.50"), "c": json.Number("1e400"), "d": json.Number("-0")}},
		{`{"a":[],"b":[1,[{}]],"c":{"a":{"a":"x"}}}`, map[string]any{"a": []any{}, "b": []any{json.Number("1"), []any{map[string]any{}}}, "c": map[string]any{"a": map[string]any{"a": "x"}}}},
		{`{"":"\u0000\ud83d\ude00ü","A":1,"a":2}`, map[string]any{"": "\x00😀ü", "A": json.Number("1"), "a": json.Number("2")}},
	}
	for _, tt := range tests {
		got, err := strictjson.Object([]byte(tt.raw))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Object(%s) = %#v, %v, want %#v", tt.raw, got, err, tt.want)
		}
	}
}

func TestWhatTwoReadersCouldUnderstandDifferentlyIsRefused(t *testing.T) {
	tests := []struct {
		name, raw string
		want      error // nil: a RepeatedError
	}{
		{"nothing", "", strictjson.ErrNoObject},
		{"white space", " \n", strictjson.ErrNoObject},
		{"a list", `[{}]`, strictjson.ErrNoObject},
		{"null", `null`, strictjson.ErrNoObject},
		{"a byte order mark", "\ufeff{}", strictjson.ErrNoObject},
		{"HTML", "<html>", strictjson.ErrNoObject},
		{"a second object", `{}{}`, strictjson.ErrFollowed},
		{"a brace behind it", `{"a":1}}`, strictjson.ErrFollowed},
		{"NUL behind it", "{}\x00", strictjson.ErrFollowed},
		{"cut off", `{"a":1`, strictjson.ErrMalformed},
		{"cut off in a list", `{"a":[1`, strictjson.ErrMalformed},
		{"cut off in a text", `{"a":"`, strictjson.ErrMalformed},
		{"a comma too many", `{"a":1,}`, strictjson.ErrMalformed},
		{"a comma too many in a list", `{"a":[1,]}`, strictjson.ErrMalformed},
		{"no comma", `{"a":1 "b":2}`, strictjson.ErrMalformed},
		{"a bracket for a brace", `{"a":1]`, strictjson.ErrMalformed},
		{"a name without quotes", `{a:1}`, strictjson.ErrMalformed},
		{"a number as a name", `{1:1}`, strictjson.ErrMalformed},
		{"single quotes", `{'a':1}`, strictjson.ErrMalformed},
		{"a comment", `{/**/}`, strictjson.ErrMalformed},
		{"NaN", `{"a":NaN}`, strictjson.ErrMalformed},
		{"a leading zero", `{"a":01}`, strictjson.ErrMalformed},
		{"a leading plus", `{"a":+1}`, strictjson.ErrMalformed},
		{"a word", `{"a":nil}`, strictjson.ErrMalformed},
		{"a control character in a text", "{\"a\":\"\n\"}", strictjson.ErrMalformed},
		{"an unknown escape", `{"a":"\x"}`, strictjson.ErrMalformed},
		{"Latin-1", "{\"a\":\"\xfc\"}", strictjson.ErrMalformed},
		{"Latin-1 in a name", "{\"\xfc\":1}", strictjson.ErrMalformed},
		{"an overlong slash", "{\"a\":\"\xc0\xaf\"}", strictjson.ErrMalformed},
		{"half a surrogate pair", `{"a":"\ud800"}`, strictjson.ErrMalformed},
		{"a name twice", `{"a":1,"a":1}`, nil},
		{"a name twice, once escaped", `{"a":1,"\u0061":1}`, nil},
		{"the empty name twice", `{"":1,"":1}`, nil},
		{"a name twice far inside", `{"o":[{"a":{"b":1,"b":2}}]}`, nil},
		{"101 levels of objects", nested(`{"a":`, 101, "}"), strictjson.ErrTooDeep},
		{"101 levels of lists", `{"a":` + nested("[", 100, "]") + "}", strictjson.ErrTooDeep},
		{"a million brackets that never close", `{"a":` + strings.Repeat("[", 1_000_000), strictjson.ErrTooDeep},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := strictjson.Object([]byte(tt.raw))
			if tt.want == nil {
				if _, ok := errors.AsType[*strictjson.RepeatedError](err); !ok || got != nil {
					t.Errorf("Object = %v, %v, want a RepeatedError", got, err)
				}
				return
			}
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("Object = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// nested puts something into itself, with 1 in the middle.
func nested(open string, levels int, end string) string {
	return strings.Repeat(open, levels) + "1" + strings.Repeat(end, levels)
}

func TestAHundredLevelsAreRead(t *testing.T) {
	for _, raw := range []string{nested(`{"a":`, 100, "}"), `{"a":` + nested("[", 99, "]") + "}"} {
		if _, err := strictjson.Object([]byte(raw)); err != nil {
			t.Errorf("Object: %v", err)
		}
	}
}

func TestARepeatedNameIsTellableAndNotInTheText(t *testing.T) {
	_, err := strictjson.Object([]byte(`{"kid":1,"kid":2}`))
	repeated, ok := errors.AsType[*strictjson.RepeatedError](err)
	if !ok || repeated.Name != "kid" || strings.Contains(err.Error(), "kid") {
		t.Errorf("Object: %v", err)
	}
}

func TestABadValueSpoilsNoOtherMember(t *testing.T) {
	got, err := strictjson.Members([]byte(" {\"a\": {\"b\":1,\"b\":2} ,\"c\":[1, 2],\"d\":\"\xff\"} "))
	want := map[string]json.RawMessage{"a": json.RawMessage(`{"b":1,"b":2}`), "c": json.RawMessage("[1, 2]"), "d": json.RawMessage("\"\xff\"")}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Members = %s, %v, want %s", got, err, want)
	}
}

func TestMembersAreThoseOfOneWellFormedObject(t *testing.T) {
	for raw, want := range map[string]error{
		``: strictjson.ErrNoObject, `[]`: strictjson.ErrNoObject, `{}x`: strictjson.ErrFollowed,
		`{"a":[}`: strictjson.ErrMalformed, `{"a":1`: strictjson.ErrMalformed, `{"a":1,}`: strictjson.ErrMalformed,
		`{"a":` + strings.Repeat("[", 1_000_000): strictjson.ErrMalformed,
	} {
		if got, err := strictjson.Members([]byte(raw)); !errors.Is(err, want) || got != nil {
			t.Errorf("Members(%.20s) = %v, %v, want %v", raw, got, err, want)
		}
	}
	if _, err := strictjson.Members([]byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a member that stands twice is read")
	}
}

// FuzzObject wants that what is read is valid for encoding/json too and means
// the same there, that it is the same again when written and read once more,
// and that Members reads it as well.
func FuzzObject(f *testing.F) {
	for _, raw := range []string{
		`{"iss":"https://issuer.example","aud":["a","b"],"exp":4102444800,"n":1e400,"o":{"a":[1,{"b":null}]}}`,
		`{"a":1,"\u0061":2}`, `{"a":{"b":1,"b":2}}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{}{}`, ` {"":-0.0e-0} `,
		nested("{\"a\":", 101, "}"), nested("[", 50, "]"), `{"a":[`, "\ufeff{}",
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		got, err := strictjson.Object(raw)
		members, lax := strictjson.Members(raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if got != nil || len(raw) > 20 && strings.Contains(err.Error(), string(raw)) {
				t.Errorf("Object = %v, %v", got, err)
			}
			return
		}
		if lax != nil || len(members) != len(got) {
			t.Errorf("Members = %v, %v, Object has %d", members, lax, len(got))
		}
		if !utf8.Valid(raw) {
			t.Error("what is not UTF-8 was read")
		}
		if other := decode(t, raw); !reflect.DeepEqual(got, other) {
			t.Errorf("encoding/json reads %#v, Object %#v", other, got)
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := strictjson.Object(written); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("written and read again: %#v, %v, was %#v", again, err, got)
		}
	})
}

// decode reads an object with encoding/json.
func decode(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		t.Fatalf("encoding/json refuses it: %v", err)
	}
	return object
}
