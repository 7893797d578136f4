package decisionlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/m2md/m2md/engine"
)

// Field is one key of a record, for the documentation.
type Field struct {
	Name string
	Type string // as JSON has it
	Doc  string
}

// Fields are the keys of a record, in their order. Every record has all of
// them, and their types do not change; later versions may add others.
func Fields() []Field {
	return []Field{
		{"time", "string", "When it was asked: RFC 3339, UTC, with up to nine digits of a second."},
		{"msg", "string", "Always `decision`."},
		{"request_id", "string", "Of the request, as its client was told it. No other request of any daemon has it."},
		{"door", "string", "Where it was asked: `token`, `forward_auth`, `introspect` or `revoke`."},
		{"provider", "string", "The label of the provider; empty where none was found."},
		{"grant", "string", "The grant_type; empty where there is none, or none that is known."},
		{"proof", "string", "What was shown: `app_password`, `jwt`, `opaque_token` or `access_token`; empty for nothing that could be read."},
		{"subject", "string", "Who: the name of an account, or SOURCE/sub; empty where nobody was recognised."},
		{"source", "string", "Where the identity comes from: `oauth_source.github`, `service_account.ci`, …"},
		{"via", "string", "`provider.NAME`, where a token that it issued was the proof."},
		{"actor", "string", "Who acts on behalf of the subject; empty for nobody."},
		{"rule", "string", "The access that let in, or `skip_paths`; empty where none did."},
		{"outcome", "string", "`allow`, `deny`, or `error` where m2md itself could not decide, which lets nobody in."},
		{"reason", "string", "Why not; empty for `allow`."},
		{"generation", "number", "Of the configuration that decided; it counts from 1 with every start."},
		{"config_hash", "string", "Of the same: the hash that `m2md validate` and `m2md status` show."},
		{"token_id", "string", "The jti of what was issued or shown."},
		{"client_ip", "string", "Of who asked, as far as trusted_proxies make it known; empty where it is not."},
		{"duration_us", "number", "How long deciding took, in microseconds."},
		{"policies", "array", "The policies that were asked, in order: objects of `policy`, `access` (empty for forward_auth), `verdict` (`pass`, `deny` or `error`), `shadow` (it did not count), `reason` (why it failed), `messages` and `log` (what it told by message() and log())."},
		{"messages", "array", "What policies that counted told by message(), in order."},
		{"input", "object or null", "What the decision was made on, so that it can be made again; null with record_input = false."},
		{"cut", "array", "The keys of what was too long and is not recorded whole."},
	}
}

// InputFields are the keys of "input".
func InputFields() []Field {
	return []Field{
		{"verified", "boolean", "Somebody who is trusted had signed the claims, or answered with them. Where it is false, a stranger may have written them."},
		{"claims", "object or null", "Those of the JWT that was shown, its jti too, or of the answer about an opaque token, but for those of omit_claims. Null for an app password, for what could not be read, and for an access token of m2md that was let in."},
		{"actor", "object or null", "Those of the token of who acts, or of the client that authenticates beside a grant."},
		{"scopes", "array", "The scopes that were asked for."},
		{"targets", "array", "The audience and resource parameters."},
		{"method", "string", "Of the guarded request, as the next two."},
		{"host", "string", "As its client wrote it."},
		{"path", "string", "Without the query, which may hold secrets."},
		{"headers", "object", "The header fields that policies may see, by name in lower case."},
	}
}

// wire is a record as it stands in a line.
type wire struct {
	Time       time.Time    `json:"time"`
	Msg        string       `json:"msg"`
	RequestID  string       `json:"request_id"`
	Door       string       `json:"door"`
	Provider   string       `json:"provider"`
	Grant      string       `json:"grant"`
	Proof      string       `json:"proof"`
	Subject    string       `json:"subject"`
	Source     string       `json:"source"`
	Via        string       `json:"via"`
	Actor      string       `json:"actor"`
	Rule       string       `json:"rule"`
	Outcome    string       `json:"outcome"`
	Reason     string       `json:"reason"`
	Generation uint64       `json:"generation"`
	ConfigHash string       `json:"config_hash"`
	TokenID    string       `json:"token_id"`
	ClientIP   string       `json:"client_ip"`
	DurationUS int64        `json:"duration_us"`
	Policies   []wirePolicy `json:"policies"`
	Messages   []string     `json:"messages"`
	Input      *wireInput   `json:"input"`
	Cut        []string     `json:"cut"`
}

type wirePolicy struct {
	Policy  string `json:"policy"`
	Access  string `json:"access"`
	Verdict string `json:"verdict"`
	Shadow  bool   `json:"shadow"`
	Reason  string `json:"reason"`

	Messages []string `json:"messages"`
	Log      []string `json:"log"`
}

type wireInput struct {
	Verified bool              `json:"verified"`
	Claims   map[string]any    `json:"claims"`
	Actor    map[string]any    `json:"actor"`
	Scopes   []string          `json:"scopes"`
	Targets  []string          `json:"targets"`
	Method   string            `json:"method"`
	Host     string            `json:"host"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
}

// Record is a decision as it was read from the log.
type Record struct {
	engine.Decision
	// Replayable says that what the decision was made on is there, whole.
	Replayable bool
	Cut        []string // the keys of what is not recorded whole
}

// ErrNoDecision is returned for a line that is none of the decision log.
var ErrNoDecision = errors.New("not a record of the decision log")

// Parse reads a line. Keys that it does not know are those of a later version,
// and passed over.
func Parse(line []byte) (Record, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var w wire
	if err := decoder.Decode(&w); err != nil || w.Msg != "decision" {
		return Record{}, ErrNoDecision
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Record{}, ErrNoDecision
	}
	return w.record()
}

func (w *wire) record() (Record, error) {
	d := engine.Decision{
		Time: w.Time, Duration: time.Duration(w.DurationUS) * time.Microsecond,
		RequestID: w.RequestID, Generation: w.Generation, ConfigHash: w.ConfigHash, Door: w.Door, Provider: w.Provider,
		Grant: w.Grant, Proof: w.Proof, Subject: w.Subject, Source: w.Source, Via: w.Via, Actor: w.Actor,
		Rule: w.Rule, TokenID: w.TokenID, Outcome: engine.Outcome(w.Outcome), Reason: w.Reason, Messages: w.Messages,
	}
	if w.ClientIP != "" {
		var err error
		if d.ClientIP, err = netip.ParseAddr(w.ClientIP); err != nil {
			return Record{}, fmt.Errorf("%w: its client_ip is none", ErrNoDecision)
		}
	}
	for _, p := range w.Policies {
		d.Policies = append(d.Policies, engine.AskedPolicy{Policy: p.Policy, Access: p.Access, Verdict: engine.PolicyVerdict(p.Verdict), Shadow: p.Shadow, Reason: p.Reason, Messages: orNil(p.Messages), Log: orNil(p.Log)})
	}
	if in := w.Input; in != nil {
		d.Input = engine.DecisionInput{
			Claims: in.Claims, Verified: in.Verified, Actor: in.Actor, Scopes: in.Scopes, Targets: in.Targets,
			HTTP: engine.PolicyHTTP{Door: w.Door, Method: in.Method, Host: in.Host, Path: in.Path, ClientIP: d.ClientIP, Headers: in.Headers},
		}
	}
	return Record{Decision: d, Replayable: w.Input != nil && len(w.Cut) == 0, Cut: w.Cut}, nil
}

// orNil is nil for a list without members, as it was when it was written.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
