package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

// NewExplanation asks why something is let in, or is not: a token, or a recorded
// decision, by its request id or as its record.
type NewExplanation struct {
	Provider string    `json:"provider"` // label; "" for each that could take it
	Token    string    `json:"token,omitempty"`
	Username string    `json:"username,omitempty"`
	Door     string    `json:"door,omitempty"`
	Scopes   []string  `json:"scopes,omitempty"`
	Method   string    `json:"method,omitempty"`
	Host     string    `json:"host,omitempty"`
	Path     string    `json:"path,omitempty"`
	ClientIP string    `json:"client_ip,omitempty"`
	At       time.Time `json:"at,omitzero"`

	RequestID string          `json:"request_id,omitempty"`
	Record    json.RawMessage `json:"record,omitempty"` // a line of the decision log
}

// Explained is what is explained, and under what. The form is that of
// `m2md explain --format json`.
type Explained struct {
	Generation   uint64        `json:"generation"`
	ConfigHash   string        `json:"config_hash"`
	Recorded     *Recorded     `json:"recorded"` // nil for a token
	Explanations []Explanation `json:"explanations"`
}

// Recorded is a decision that was made before.
type Recorded struct {
	Time       time.Time `json:"time"`
	RequestID  string    `json:"request_id"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason"`
	Generation uint64    `json:"generation"`
	ConfigHash string    `json:"config_hash"`
	Replayable bool      `json:"replayable"` // what it was made on is recorded, whole
}

// Explanation is what would be decided for one provider, and why.
type Explanation struct {
	Provider string        `json:"provider"`
	Door     string        `json:"door"`
	Allowed  bool          `json:"allowed"`
	Provided bool          `json:"signature_unchecked"` // allowed, if the signature holds
	Because  string        `json:"because"`
	Remedy   string        `json:"remedy"`
	Subject  string        `json:"subject"`
	Source   string        `json:"source"`
	Rule     string        `json:"rule"`
	Steps    []ExplainStep `json:"steps"`
	Claims   engine.Claims `json:"claims"` // of the token that would be issued; null for none
}

// ExplainStep is one thing that was looked at.
type ExplainStep struct {
	Stage    string `json:"stage"`
	Subject  string `json:"subject"`
	Access   string `json:"access"`
	Outcome  string `json:"outcome"`
	Detail   string `json:"detail"`
	Near     string `json:"near"`
	Remedy   string `json:"remedy"`
	At       string `json:"at"` // FILE:LINE,COLUMN; "" for no place
	Supposed bool   `json:"supposed"`
}

// Explain explains under a generation. Recent may be nil.
func Explain(ctx context.Context, live *engine.Engine, recent *decisionlog.Ring, asked NewExplanation) (Explained, error) {
	out := Explained{Generation: live.Generation(), ConfigHash: live.Summary().Hash, Explanations: []Explanation{}}
	req, err := asked.request(recent, &out)
	if err != nil {
		return out, err
	}
	all, err := live.Explain(ctx, req)
	for _, one := range all {
		out.Explanations = append(out.Explanations, tellExplanation(one))
	}
	return out, err
}

// request is what the engine is asked.
func (n NewExplanation) request(recent *decisionlog.Ring, out *Explained) (engine.ExplainRequest, error) {
	req := engine.ExplainRequest{
		Provider: n.Provider, Token: engine.Secret(n.Token), Username: n.Username, Door: n.Door, Scopes: n.Scopes, At: n.At,
		HTTP: engine.PolicyHTTP{Method: n.Method, Host: n.Host, Path: n.Path},
	}
	if n.ClientIP != "" {
		addr, err := netip.ParseAddr(n.ClientIP)
		if err != nil {
			return req, fmt.Errorf("%w: %q is no address", errRequest, n.ClientIP)
		}
		req.HTTP.ClientIP = addr
	}
	if !slices.Contains([]string{"", engine.DoorToken, engine.DoorForwardAuth}, n.Door) {
		return req, fmt.Errorf("%w: there is no door %q; write %s or %s", errRequest, n.Door, engine.DoorToken, engine.DoorForwardAuth)
	}
	if n.RequestID == "" && n.Record == nil {
		return req, nil
	}
	record, err := n.record(recent)
	if err != nil {
		return req, err
	}
	out.Recorded = &Recorded{
		Time: record.Time, RequestID: record.RequestID, Outcome: string(record.Outcome), Reason: record.Reason,
		Generation: record.Generation, ConfigHash: record.ConfigHash, Replayable: record.Replayable,
	}
	req.Recorded = &record.Decision
	return req, nil
}

// record is the decision that is meant.
func (n NewExplanation) record(recent *decisionlog.Ring) (decisionlog.Record, error) {
	if n.Record != nil {
		record, err := decisionlog.Parse(n.Record)
		if err != nil {
			return record, fmt.Errorf("%w: %w", errRequest, err)
		}
		return record, nil
	}
	if recent != nil {
		if record, found := recent.Find(n.RequestID); found {
			return record, nil
		}
	}
	return decisionlog.Record{}, fmt.Errorf("%w: the decision of request %q is none of the last that the daemon remembers; name the log that has it with --log", engine.ErrNotFound, n.RequestID)
}

func tellExplanation(x engine.Explanation) Explanation {
	told := Explanation{
		Provider: x.Provider, Door: x.Door, Allowed: x.Allowed, Provided: x.Provided, Because: x.Because, Remedy: x.Remedy,
		Subject: x.Decision.Subject, Source: x.Decision.Source, Rule: x.Decision.Rule, Steps: []ExplainStep{}, Claims: x.Claims,
	}
	for _, s := range x.Trace.Steps {
		step := ExplainStep{
			Stage: string(s.Stage), Subject: s.Subject, Access: s.Access, Outcome: string(s.Outcome),
			Detail: s.Detail, Near: s.Near, Remedy: s.Remedy, Supposed: s.Supposed,
		}
		if s.At != (engine.Range{}) {
			step.At = s.At.String()
		}
		told.Steps = append(told.Steps, step)
	}
	return told
}

// explain answers why something is let in, or is not.
func (a *Admin) explain(r *http.Request) (Explained, error) {
	var asked NewExplanation
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return Explained{}, fmt.Errorf("%w: %w", errRequest, err)
	}
	return Explain(r.Context(), a.Live.Load(), a.Recent, asked)
}

// Explain asks why something is let in, or is not.
func (c *AdminClient) Explain(ctx context.Context, asked NewExplanation) (Explained, error) {
	return ask[Explained](ctx, c, http.MethodPost, "/explain", asked)
}
