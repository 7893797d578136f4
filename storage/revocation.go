package storage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// NormalRevocation returns r as every storage gives it back, or an error that
// wraps ErrRecord where it can not be kept.
func NormalRevocation(r engine.Revocation) (engine.Revocation, error) {
	err := errors.Join(
		checkKey("name", r.Name), checkText("revoker", r.By),
		checkTime("instant", r.IssuedUntil), checkTime("end", r.Until), checkTime("time", r.At),
	)
	if !slices.Contains(engine.RevocationKinds[:], r.Kind) {
		err = errors.Join(err, fmt.Errorf("%w: nothing of its kind is revoked", ErrRecord))
	}
	if err != nil {
		return engine.Revocation{}, err
	}
	r.IssuedUntil, r.Until, r.At = wall(r.IssuedUntil), wall(r.Until), wall(r.At)
	return r, nil
}

// CompareRevocations orders by kind, then name.
func CompareRevocations(a, b engine.Revocation) int {
	return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
}

// A revocation is kept as fields with a NUL between them: version, kind, name,
// instant of issue, end, time, revoker. A start reads all of them, which may be
// 100,000, and as JSON that would take it most of a second.
const revocationFields = 7

// EncodeRevocation gives the form in which a normal revocation is kept.
func EncodeRevocation(r engine.Revocation) ([]byte, error) {
	fields := [revocationFields]string{
		strconv.Itoa(recordVersion), string(r.Kind), r.Name, momentText(r.IssuedUntil), momentText(r.Until), momentText(r.At), r.By,
	}
	return []byte(strings.Join(fields[:], "\x00")), nil
}

// DecodeRevocation reads what EncodeRevocation wrote. It does not keep raw.
func DecodeRevocation(raw []byte) (engine.Revocation, error) {
	var fields [revocationFields]string
	rest, more := string(raw), true
	for i := range fields {
		if !more {
			return engine.Revocation{}, fmt.Errorf("%w: it is damaged", ErrRecord)
		}
		fields[i], rest, more = strings.Cut(rest, "\x00")
	}
	if v, err := strconv.Atoi(fields[0]); err != nil || v < 1 || v > recordVersion {
		return engine.Revocation{}, fmt.Errorf("%w: it is damaged, or has a version other than %d, which this m2md knows", ErrRecord, recordVersion)
	}
	issued, ok1 := moment(fields[3])
	until, ok2 := moment(fields[4])
	at, ok3 := moment(fields[5])
	if more || !ok1 || !ok2 || !ok3 {
		return engine.Revocation{}, fmt.Errorf("%w: it is damaged", ErrRecord)
	}
	return NormalRevocation(engine.Revocation{
		Kind: engine.Kind(fields[1]), Name: fields[2], IssuedUntil: issued, Until: until, At: at, By: fields[6],
	})
}

// momentText is a time as seconds and nanoseconds since 1970; "" for none.
func momentText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

func moment(text string) (t time.Time, ok bool) {
	if text == "" {
		return t, true
	}
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanoseconds, err2 := strconv.ParseInt(fraction, 10, 64)
	if err != nil || err2 != nil || len(fraction) != 9 || nanoseconds < 0 {
		return t, false
	}
	return time.Unix(seconds, nanoseconds), true
}
