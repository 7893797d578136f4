package decisionlog

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/m2md/m2md/engine"
)

// Options say what of a decision is recorded. The zero value records all of it.
type Options struct {
	// OmitInput leaves out what a decision was made on, so that it cannot be made
	// again.
	OmitInput bool
	// OmitClaims are the names of claims that are left out, at the top of a token.
	OmitClaims []string
}

// Bounds of a record. Whatever a stranger sends, a line is no longer than
// maxLine, all of them together.
const (
	maxText  = 4 << 10  // bytes of one text that is not a claim
	maxInput = 48 << 10 // bytes of the claims of a record, as JSON
	maxList  = 64       // members of a list that is not a claim
	maxLine  = 512 << 10
)

// hashDigits are how many digits of a configuration's hash are recorded: as many
// as `m2md status` shows.
const hashDigits = 12

// mark ends a text that was cut.
const mark = "…"

// Append appends a decision as a line of JSON, with the newline. Every key is
// always there. It is written by hand because it stands on the path of every
// request. What is too long is cut, and named in "cut".
func Append(line []byte, d *engine.Decision, o Options) []byte {
	l := writer{line: line}
	l.line = append(l.line, `{"time":"`...)
	l.line = d.Time.UTC().AppendFormat(l.line, time.RFC3339Nano)
	l.line = append(l.line, `","msg":"decision"`...)
	l.text(`,"request_id":`, d.RequestID)
	l.text(`,"door":`, d.Door)
	l.text(`,"provider":`, d.Provider)
	l.text(`,"grant":`, d.Grant)
	l.text(`,"proof":`, d.Proof)
	l.text(`,"subject":`, d.Subject)
	l.text(`,"source":`, d.Source)
	l.text(`,"via":`, d.Via)
	l.text(`,"actor":`, d.Actor)
	l.text(`,"rule":`, d.Rule)
	l.text(`,"outcome":`, string(d.Outcome))
	l.text(`,"reason":`, d.Reason)
	l.line = strconv.AppendUint(append(l.line, `,"generation":`...), d.Generation, 10)
	l.text(`,"config_hash":`, d.ConfigHash[:min(len(d.ConfigHash), hashDigits)])
	l.text(`,"token_id":`, d.TokenID)
	l.line = append(l.line, `,"client_ip":"`...)
	if d.ClientIP.IsValid() {
		l.line = d.ClientIP.WithZone("").AppendTo(l.line)
	}
	l.line = strconv.AppendInt(append(l.line, `","duration_us":`...), int64(d.Duration/time.Microsecond), 10)
	l.policies(d.Policies)
	l.texts(`,"messages":[`, d.Messages)
	l.input(&d.Input, o)
	l.texts(`,"cut":[`, l.cut)
	return append(l.line, "}\n"...)
}

// writer is a line that is being written.
type writer struct {
	line []byte
	cut  []string // the keys of what was cut
}

// text appends a member whose value is any text. Its key is as it is written:
// that spares what stands on the path of every request three copies.
func (l *writer) text(key, value string) {
	l.line = append(l.line, key...)
	if len(value) <= maxText && isPlain(value) {
		l.line = append(append(append(l.line, '"'), value...), '"')
		return
	}
	l.bounded(nameOf(key), value)
}

// nameOf is the name in a key as it is written.
func nameOf(key string) string {
	_, name, _ := strings.Cut(key, `"`)
	name, _, _ = strings.Cut(name, `"`)
	return name
}

// isPlain says whether a text stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// bounded appends a text that is not too long.
func (l *writer) bounded(name, value string) {
	if len(value) > maxText {
		l.wasCut(name)
		n := maxText
		for n > 0 && !utf8.RuneStart(value[n]) {
			n--
		}
		value = value[:n] + mark
	}
	l.line = appendQuoted(l.line, value)
}

func (l *writer) wasCut(name string) {
	if !slices.Contains(l.cut, name) {
		l.cut = append(l.cut, name)
	}
}

// texts appends a member whose value is a list of texts.
func (l *writer) texts(key string, values []string) {
	l.line = append(l.line, key...)
	if len(values) == 0 {
		l.line = append(l.line, ']')
		return
	}
	name := nameOf(key)
	if len(values) > maxList {
		l.wasCut(name)
		values = values[:maxList]
	}
	for i, value := range values {
		if i > 0 {
			l.line = append(l.line, ',')
		}
		l.bounded(name, value)
	}
	l.line = append(l.line, ']')
}

func (l *writer) policies(all []engine.AskedPolicy) {
	l.line = append(l.line, `,"policies":[`...)
	if len(all) > maxList {
		l.wasCut("policies")
		all = all[:maxList]
	}
	for i, one := range all {
		if i > 0 {
			l.line = append(l.line, ',')
		}
		l.line = appendQuoted(append(l.line, `{"policy":`...), one.Policy)
		l.text(`,"access":`, one.Access)
		l.text(`,"verdict":`, string(one.Verdict))
		l.line = strconv.AppendBool(append(l.line, `,"shadow":`...), one.Shadow)
		l.text(`,"reason":`, one.Reason)
		l.texts(`,"messages":[`, one.Messages)
		l.texts(`,"log":[`, one.Log)
		l.line = append(l.line, '}')
	}
	l.line = append(l.line, ']')
}

// input appends what a decision was made on.
func (l *writer) input(in *engine.DecisionInput, o Options) {
	if o.OmitInput {
		l.line = append(l.line, `,"input":null`...)
		return
	}
	l.line = append(l.line, `,"input":{"verified":`...)
	l.line = strconv.AppendBool(l.line, in.Verified)
	l.claims("claims", in.Claims, o.OmitClaims)
	l.claims("actor", in.Actor, o.OmitClaims)
	l.texts(`,"scopes":[`, l.allWithoutSecrets("scopes", in.Scopes))
	l.texts(`,"targets":[`, l.allWithoutSecrets("targets", in.Targets))
	l.text(`,"method":`, l.withoutSecrets("method", in.HTTP.Method))
	l.text(`,"host":`, l.withoutSecrets("host", in.HTTP.Host))
	l.text(`,"path":`, l.withoutSecrets("path", in.HTTP.Path))
	l.line = append(l.line, `,"headers":{`...)
	if len(in.HTTP.Headers) > 0 {
		for i, name := range slices.Sorted(maps.Keys(in.HTTP.Headers)) {
			if i > 0 {
				l.line = append(l.line, ',')
			}
			l.line = append(appendQuoted(l.line, name), ':')
			l.bounded("headers", l.withoutSecrets("headers", in.HTTP.Headers[name]))
		}
	}
	l.line = append(l.line, "}}"...)
}

// claims appends a member whose value is claims, or null for none. Claims that
// are too long are left out whole: a part of them would be decided otherwise.
func (l *writer) claims(name string, claims engine.Claims, omit []string) {
	l.line = append(append(append(l.line, `,"`...), name...), `":`...)
	if claims == nil {
		l.line = append(l.line, "null"...)
		return
	}
	before := len(l.line)
	l.object(claims, omit)
	if len(l.line)-before > maxInput {
		l.line = append(l.line[:before], "null"...)
		l.wasCut(name)
	}
}

func (l *writer) object(members map[string]any, omit []string) {
	l.line = append(l.line, '{')
	first := true
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(omit, name) {
			continue
		}
		if !first {
			l.line = append(l.line, ',')
		}
		first = false
		l.line = append(appendQuoted(l.line, name), ':')
		l.value(members[name])
	}
	l.line = append(l.line, '}')
}

// value appends a JSON-like value. Another one cannot be among claims.
func (l *writer) value(value any) {
	switch v := value.(type) {
	case nil:
		l.line = append(l.line, "null"...)
	case string:
		l.line = appendQuoted(l.line, v)
	case bool:
		l.line = strconv.AppendBool(l.line, v)
	case json.Number:
		l.line = append(l.line, v...)
	case map[string]any:
		l.object(v, nil)
	case []any:
		l.line = append(l.line, '[')
		for i, member := range v {
			if i > 0 {
				l.line = append(l.line, ',')
			}
			l.value(member)
		}
		l.line = append(l.line, ']')
	default:
		l.line = append(l.line, "null"...)
	}
}

// appendQuoted appends a text as JSON. Whatever a terminal, or a reader of
// lines, could take for a command is escaped; what is not UTF-8 becomes U+FFFD.
func appendQuoted(line []byte, s string) []byte {
	line = append(line, '"')
	if isPlain(s) {
		return append(append(line, s...), '"')
	}
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if c >= utf8.RuneSelf && !(r == utf8.RuneError && size == 1) && !isCommand(r) {
			i += size
			continue
		}
		line = append(line, s[start:i]...)
		line = appendEscaped(line, r)
		i += size
		start = i
	}
	return append(append(line, s[start:]...), '"')
}

// isCommand says of a character beyond ASCII that it may do something else than
// be seen: C1 controls, line and paragraph separators, and what turns text round.
func isCommand(r rune) bool {
	return r >= 0x80 && r < 0xA0 || r == 0x061C || r >= 0x200B && r <= 0x200F || r >= 0x2028 && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF
}

const hexDigits = "0123456789abcdef"

func appendEscaped(line []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(line, '\\', byte(r))
	case '\n':
		return append(line, `\n`...)
	case '\r':
		return append(line, `\r`...)
	case '\t':
		return append(line, `\t`...)
	}
	return append(line, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// Kept says whether a decision that lets in is kept where only a share of them
// is. It depends on the request id alone, so that it can be told afterwards, and
// all who keep the same share keep the same. Others are always kept.
func Kept(d *engine.Decision, share float64) bool {
	if d.Outcome != engine.Allowed || share >= 1 {
		return true
	}
	// FNV-1a, and a last mix: the ids of a process differ in their last digits.
	h := uint64(14695981039346656037)
	for i := range len(d.RequestID) {
		h = (h ^ uint64(d.RequestID[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return float64(h>>11)/(1<<53) < share
}

// printable is a text for a terminal: one line, without what it could take for a
// command.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || isCommand(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
