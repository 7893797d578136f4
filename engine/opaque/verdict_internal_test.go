package opaque

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/strictjson"
)

// FuzzRead wants of every answer, for both kinds of endpoint: one verdict and
// no panic; an error that repeats nothing; an active token only where the
// answer says so in one way; and no memory longer than is promised.
func FuzzRead(f *testing.F) {
	for _, answer := range []string{
		`{"active":true,"sub":"ci","exp":1700000030.5}`, `{"active":"true"}`, `{"active":true,"active":false}`, `{"active":false,"exp":1}`,
		`{"active":true,"exp":1e400}`, `{"active":true,"exp":-1e300}`, `{"active":true,"exp":"4102444800"}`, `{"active":true,"exp":9223372036854775808}`,
		`[]`, ``, `{}{}`, `{"sub":{"a":[1,{"b":null}]}}`, "{\"a\":\"\xff\"}", strings.Repeat(`{"a":`, 200),
	} {
		f.Add([]byte(answer))
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, e := range []endpoint{&introspection{}, &profile{}} {
			v := read(e, answer, now)
			claims, err := strictjson.Object(answer)
			if v.keep < 0 || v.keep > KeepActive || v.err != nil && v.keep > KeepInactive {
				t.Errorf("it is remembered for %s", v.keep)
			}
			if (v.answer != nil) == (v.err != nil) {
				t.Fatalf("the verdict is %+v", v)
			}
			if v.err != nil {
				checkRefusal(t, v, answer, err)
				continue
			}
			if _, asks := e.(*introspection); err != nil || asks && claims["active"] != true || string(v.answer) != string(answer) {
				t.Errorf("%q makes a token active", answer)
			}
			if number, ok := claims["exp"].(json.Number); ok && v.keep > 0 {
				if exp, _ := number.Float64(); float64(now.Unix())+v.keep.Seconds() > exp {
					t.Errorf("it is remembered past its exp, for %s", v.keep)
				}
			}
		}
	})
}

// checkRefusal wants that an answer which can not be read says nothing of the
// token, and that one which can be read is one of inactivity.
func checkRefusal(t *testing.T, v verdict, answer []byte, unread error) {
	t.Helper()
	if errors.Is(v.err, ErrUnavailable) != (unread != nil) || errors.Is(v.err, ErrInactive) != (unread == nil) {
		t.Errorf("%q is refused with %v", answer, v.err)
	}
	if len(answer) > 20 && strings.Contains(v.err.Error(), string(answer)) {
		t.Errorf("the error repeats the answer: %v", v.err)
	}
}
