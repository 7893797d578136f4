package decisionlog_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

var update = flag.Bool("update", false, "write the tables of docs/decisions.md")

// full is a decision with all that there can be.
func full() engine.Decision {
	return engine.Decision{
		Time: time.Date(2026, 11, 22, 3, 4, 5, 678, time.UTC), Duration: 42 * time.Microsecond,
		RequestID: "R-1", Generation: 7, ConfigHash: "abc", Door: "token", Provider: "loki", Grant: "client_credentials", Proof: "jwt",
		Subject: "gh/repo:a/b", Source: "oauth_source.gh", Via: "provider.x", Actor: "ci", Rule: "ci", TokenID: "j", ClientIP: netip.MustParseAddr("2001:db8::1"),
		Outcome: engine.Allowed, Reason: "", Messages: []string{"one", "two"},
		Policies: []engine.AskedPolicy{{Policy: "p", Access: "ci", Verdict: engine.PolicyPassed, Messages: []string{"one", "two"}, Log: []string{"three"}}, {Policy: "q", Access: "ci", Verdict: engine.PolicyFailed, Shadow: true, Reason: "it threw"}},
		Input: engine.DecisionInput{
			Verified: true, Scopes: []string{"a"}, Targets: []string{"https://x"},
			Claims: engine.Claims{"sub": "x", "n": json.Number("9007199254740993"), "b": true, "z": nil, "l": []any{"a", json.Number("1")}, "o": map[string]any{"a b": "c"}},
			Actor:  engine.Claims{"sub": "y"},
			HTTP:   engine.PolicyHTTP{Door: "token", Method: "GET", Host: "h", Path: "/p", ClientIP: netip.MustParseAddr("2001:db8::1"), Headers: map[string]string{"user-agent": "curl"}},
		},
	}
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	want := full()
	record, err := decisionlog.Parse(decisionlog.Append(nil, &want, decisionlog.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if !record.Replayable || !reflect.DeepEqual(record.Decision, want) {
		t.Errorf("got  %+v\nwant %+v", record.Decision, want)
	}
}

func TestEveryKeyIsAlwaysThereInItsOrderAndWithItsType(t *testing.T) {
	whole := full()
	for _, d := range []engine.Decision{{}, whole} {
		for _, o := range []decisionlog.Options{{}, {OmitInput: true}} {
			line := decisionlog.Append(nil, &d, o)
			checkKeys(t, line, decisionlog.Fields())
			var one struct{ Input json.RawMessage }
			if err := json.Unmarshal(line, &one); err != nil {
				t.Fatal(err)
			}
			if !o.OmitInput {
				checkKeys(t, one.Input, decisionlog.InputFields())
			}
		}
	}
}

// checkKeys wants an object to have just those keys, in order, each of its type.
func checkKeys(t *testing.T, object []byte, fields []decisionlog.Field) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, err := decoder.Token()
		var value any
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil || name != f.Name {
			t.Fatalf("got key %v (%v), want %s in %s", name, err, f.Name, object)
		}
		kind := "null"
		switch value.(type) {
		case string:
			kind = "string"
		case float64:
			kind = "number"
		case bool:
			kind = "boolean"
		case []any:
			kind = "array"
		case map[string]any:
			kind = "object"
		}
		if !strings.Contains(f.Type, kind) {
			t.Errorf("%s is %s, want %s", f.Name, kind, f.Type)
		}
	}
	if decoder.More() {
		t.Errorf("there are more keys in %s", object)
	}
}

func TestADecisionMadeByStrangersStaysOneBoundedHarmlessLine(t *testing.T) {
	huge := strings.Repeat("🦀", 10<<20/4)
	nested := any("x")
	for range 5000 {
		nested = []any{nested}
	}
	for name, d := range map[string]engine.Decision{
		"ten megabytes of a reason":   {Reason: huge},
		"ten megabytes of a claim":    {Input: engine.DecisionInput{Claims: engine.Claims{"a": huge}}},
		"ten megabytes of a message":  {Messages: []string{huge, "next"}},
		"a million messages":          {Messages: make([]string, 1_000_000)},
		"a million policies":          {Policies: make([]engine.AskedPolicy, 1_000_000)},
		"a long path":                 {Input: engine.DecisionInput{HTTP: engine.PolicyHTTP{Path: huge}}},
		"a deep claim":                {Input: engine.DecisionInput{Claims: engine.Claims{"a": nested}}},
		"another line":                {Reason: "x\n{\"msg\":\"decision\"}\r\u2028\u2029\x0b\x0c\u0085"},
		"a terminal's commands":       {Subject: "\x1b[2J\u009b31m\x07\x7f\u202e\u061c\u200f\ufeff", Input: engine.DecisionInput{Claims: engine.Claims{"\x1b]0;x\x07": "\u009b"}}},
		"no UTF-8":                    {Reason: "a\xffb\xc3", Input: engine.DecisionInput{Claims: engine.Claims{"\xff": "\xfe"}}},
		"quotes and backslashes":      {Reason: `"},{"outcome":"allow","x":"\`},
		"a header that breaks a line": {Input: engine.DecisionInput{HTTP: engine.PolicyHTTP{Headers: map[string]string{"a\nb": huge}}}},
	} {
		t.Run(name, func(t *testing.T) {
			line := decisionlog.Append(nil, &d, decisionlog.Options{})
			if len(line) > 512<<10 || bytes.Count(line, []byte("\n")) != 1 || !utf8.Valid(line) {
				t.Fatalf("%d bytes, %d lines", len(line), bytes.Count(line, []byte("\n")))
			}
			for _, r := range string(line[:len(line)-1]) {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r == 0x200f || r == 0x61c || r == 0xfeff {
					t.Fatalf("the line holds %U", r)
				}
			}
			record, err := decisionlog.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			if cut := len(fmt.Sprint(d)) > 64<<10; cut != (len(record.Cut) > 0) {
				t.Errorf("cut is %q", record.Cut)
			}
			for _, width := range []int{0, 10, 80, 200} {
				text := record.Text(width)
				if width > 0 && utf8.RuneCountInString(text) > width || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
					t.Errorf("width %d: %q", width, text)
				}
			}
		})
	}
}

// Clients put secrets where they do not belong, and the log must not spread them.
func TestASecretInTheWrongPlaceIsNotRecorded(t *testing.T) {
	for _, secret := range []string{"m2md_Zok0xFLUg7lY_hQWEYGL96ysiY65dyfphEyB4ngk3oV4uq_3vFyGb", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"} {
		d := full()
		d.Input.Scopes, d.Input.Targets = []string{"a", secret}, []string{"https://x?token=" + secret}
		d.Input.HTTP = engine.PolicyHTTP{Method: secret, Host: secret + ".x", Path: "/p/" + secret + "/q", Headers: map[string]string{"user-agent": "curl " + secret}}
		line := decisionlog.Append(nil, &d, decisionlog.Options{})
		record, err := decisionlog.Parse(line)
		if err != nil || strings.Contains(string(line), secret[5:30]) {
			t.Errorf("%v: %s", err, line)
		}
		if got := record.Input.HTTP.Path; got != "/p/…/q" || record.Replayable || d.Input.Scopes[1] != secret {
			t.Errorf("path %q, replayable %v, scopes %q", got, record.Replayable, d.Input.Scopes)
		}
	}
}

func TestClaimsThatAreLeftOutAreNowhere(t *testing.T) {
	d := full()
	d.Input.Claims = engine.Claims{"user_email": "bo@example.com", "sub": "x", "inner": map[string]any{"user_email": "kept"}}
	line := string(decisionlog.Append(nil, &d, decisionlog.Options{OmitClaims: []string{"user_email"}}))
	if strings.Contains(line, "bo@example.com") || !strings.Contains(line, "kept") {
		t.Error(line)
	}
	if line := string(decisionlog.Append(nil, &d, decisionlog.Options{OmitInput: true})); strings.Contains(line, "user_email") || !strings.Contains(line, `"input":null`) {
		t.Error(line)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	d := full()
	whole := strings.TrimSpace(string(decisionlog.Append(nil, &d, decisionlog.Options{})))
	for _, line := range []string{"", "{}", "null", "[]", "text", `{"msg":"other"}`, whole[:len(whole)/2], whole + whole, whole + "x", strings.Replace(whole, "2001:db8::1", "nobody", 1)} {
		if _, err := decisionlog.Parse([]byte(line)); err == nil {
			t.Errorf("%.60q was read", line)
		}
	}
	if _, err := decisionlog.Parse([]byte(strings.Replace(whole, "{", `{"new_key":[1],`, 1))); err != nil {
		t.Errorf("a key of a later version: %v", err)
	}
}

func TestSamplingKeepsItsShareAndEveryDenial(t *testing.T) {
	for _, share := range []float64{0, 0.01, 0.1, 0.5, 1} {
		kept, n := 0, 20_000
		for i := range n {
			d := engine.Decision{RequestID: fmt.Sprintf("ABCDEFGHIJKLMNOP-%x", i), Outcome: engine.Allowed}
			if decisionlog.Kept(&d, share) {
				kept++
			}
			if first, again := decisionlog.Kept(&d, share), decisionlog.Kept(&d, share); first != again {
				t.Fatal("it is chance")
			}
			for _, outcome := range []engine.Outcome{engine.Denied, engine.Failed} {
				if d.Outcome = outcome; !decisionlog.Kept(&d, share) {
					t.Fatalf("%s was dropped", outcome)
				}
			}
		}
		if got := float64(kept) / float64(n); math.Abs(got-share) > 0.02 {
			t.Errorf("share %v kept %v", share, got)
		}
	}
}

func TestARingKeepsTheLastAndSaysWhatIsLost(t *testing.T) {
	var ring decisionlog.Ring
	const all = 20_000
	for i := range all {
		d := engine.Decision{RequestID: fmt.Sprint(i)}
		ring.Add(decisionlog.Append(nil, &d, decisionlog.Options{OmitInput: true}))
	}
	oldest := ring.From(0, 1)
	first, err := decisionlog.Parse(oldest.Lines[0])
	if err != nil || oldest.Skipped != 0 {
		t.Fatal(err, oldest.Skipped)
	}
	late := ring.From(1, 1)
	if fmt.Sprint(late.Skipped) != first.RequestID || !bytes.Equal(late.Lines[0], oldest.Lines[0]) {
		t.Errorf("%d skipped, and the oldest is %s", late.Skipped, first.RequestID)
	}
	if _, found := ring.Find("19999"); !found {
		t.Error("the last is not found")
	}
	if _, found := ring.Find("3"); found {
		t.Error("what was dropped is found")
	}
	end := ring.From(late.Next, all)
	if got := ring.From(end.Next, 1); len(got.Lines) != 0 {
		t.Error("there is something behind the end")
	}
	ring.Add([]byte("{}\n"))
	<-end.More
	ring.Close()
	if ring.From(end.Next, 1).More != nil {
		t.Error("a closed ring has more")
	}
}

func TestARingIsBoundedInBytes(t *testing.T) {
	var ring decisionlog.Ring
	big := append(bytes.Repeat([]byte("x"), 100<<10), '\n')
	for range 200 { // 20 MB
		ring.Add(big)
	}
	total := 0
	for _, line := range ring.From(0, 1000).Lines {
		total += len(line)
	}
	if total == 0 || total > 8<<20 {
		t.Errorf("it keeps %d bytes", total)
	}
}

func TestTheDocumentedKeysAreThose(t *testing.T) {
	const path = "../../docs/decisions.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for marks, fields := range map[[2]string][]decisionlog.Field{
		{"<!-- keys: made from engine/decisionlog.Fields; `go test ./engine/decisionlog -update` writes them -->\n", "<!-- end of keys -->"}: decisionlog.Fields(),
		{"<!-- input keys -->\n", "<!-- end of input keys -->"}:                                                                              decisionlog.InputFields(),
	} {
		before, rest, found := strings.Cut(want, marks[0])
		_, after, ended := strings.Cut(rest, marks[1])
		if !found || !ended {
			t.Fatalf("%s has not %q", path, marks)
		}
		want = before + marks[0] + table(fields) + marks[1] + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s has other keys than a record; run with -update", path)
	}
}

func table(fields []decisionlog.Field) string {
	var b strings.Builder
	b.WriteString("\n| key | type | what it is |\n|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, f.Type, f.Doc)
	}
	b.WriteString("\n")
	return b.String()
}

func FuzzALineIsReadAsItWasWritten(f *testing.F) {
	f.Add("reason", "claim", "value")
	f.Add("\x00\xff\u2028", "\"", "\\")
	f.Fuzz(func(t *testing.T, reason, claim, value string) {
		d := engine.Decision{Reason: reason, Messages: []string{value}, Input: engine.DecisionInput{Claims: engine.Claims{claim: value}}}
		line := decisionlog.Append(nil, &d, decisionlog.Options{})
		record, err := decisionlog.Parse(line)
		if err != nil || bytes.Count(line, []byte("\n")) != 1 {
			t.Fatalf("%v of %q", err, line)
		}
		if len(record.Cut) == 0 && (record.Reason != strings.ToValidUTF8(reason, "\ufffd") && utf8.ValidString(reason) || utf8.ValidString(claim) && utf8.ValidString(value) && record.Input.Claims[claim] != any(value)) {
			t.Errorf("%q, %q, %q came back as %+v", reason, claim, value, record)
		}
	})
}

func BenchmarkARecordOfACachedToken(b *testing.B) {
	d := engine.Decision{Time: time.Now(), RequestID: "ABCDEFGHIJKLMNOP-1", Generation: 1, ConfigHash: strings.Repeat("a", 64), Door: "forward_auth", Provider: "loki", Proof: "access_token", Subject: "ci", Source: "service_account.ci", TokenID: "abc", ClientIP: netip.MustParseAddr("192.0.2.1"), Outcome: engine.Allowed}
	d.Input.HTTP = engine.PolicyHTTP{Method: "GET", Host: "loki.example.com", Path: "/loki/api/v1/push"}
	b.ReportAllocs()
	for b.Loop() {
		var space [1024]byte
		if len(decisionlog.Append(space[:0], &d, decisionlog.Options{})) == 0 {
			b.Fatal("nothing")
		}
	}
}

func BenchmarkARecordOfAGitHubToken(b *testing.B) {
	d := full()
	d.Input.Claims = engine.Claims{}
	for i := range 24 {
		d.Input.Claims[fmt.Sprintf("claim_number_%d", i)] = "acme/api/.github/workflows/deploy.yml@refs/heads/main"
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(decisionlog.Append(nil, &d, decisionlog.Options{})) == 0 {
			b.Fatal("nothing")
		}
	}
}
