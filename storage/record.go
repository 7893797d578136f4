package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrRecord is wrapped where a record can not be kept, or not be read.
var ErrRecord = errors.New("unusable record")

// Bounds of a record's texts, in bytes.
const (
	maxKey  = 255
	maxText = 4096
)

// recordVersion is the version that this m2md writes, and the newest it reads.
const recordVersion = 1

// version is the part that all records share.
type version struct {
	Version int `json:"v"`
}

// decode reads a record into one of the private types.
func decode(raw []byte, into any, v *version) error { return decodeUpTo(recordVersion, raw, into, v) }

// decodeUpTo is decode for records whose newest version is another.
func decodeUpTo(newest int, raw []byte, into any, v *version) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%w: it is damaged", ErrRecord) // the cause would quote it
	}
	if v.Version < 1 || v.Version > newest {
		return fmt.Errorf("%w: it has version %d, and this m2md knows %d", ErrRecord, v.Version, newest)
	}
	return nil
}

// checkKey refuses what can not stand in an ordered key.
func checkKey(name, value string) error {
	if value == "" {
		return fmt.Errorf("%w: its %s is empty", ErrRecord, name)
	}
	if len(value) > maxKey || strings.Contains(value, "\x00") {
		return fmt.Errorf("%w: its %s is longer than %d bytes or holds a NUL", ErrRecord, name, maxKey)
	}
	return checkText(name, value)
}

// checkText refuses what JSON would not give back, and what would do something
// to a terminal.
func checkText(name, value string) error {
	if len(value) > maxText || !utf8.ValidString(value) {
		return fmt.Errorf("%w: its %s is longer than %d bytes or not UTF-8", ErrRecord, name, maxText)
	}
	if strings.ContainsFunc(value, unicode.IsControl) { // it is shown in terminals
		return fmt.Errorf("%w: its %s holds a control character", ErrRecord, name)
	}
	return nil
}

// checkTime refuses what RFC 3339 can not express.
func checkTime(name string, t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("%w: its %s is beyond the year 9999", ErrRecord, name)
	}
	return nil
}

// wall is t as it is read back: in UTC, without the monotonic reading.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }
