package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
)

// Trial is a test that was tried.
type Trial struct {
	Test   engine.Test
	Result Result
	// Missed says what was expected and did not come, in sentences; nil where
	// the test passed.
	Missed []string
	// Skipped says why the test was not tried; "" where it was.
	Skipped  string
	Duration time.Duration // by the clock on the wall
}

// Passed says whether all came that was expected.
func (t Trial) Passed() bool { return t.Missed == nil && t.Skipped == "" }

// Try tries one test. Where it fails, its Result has a Trace.
func (r *Rehearsal) Try(ctx context.Context, t engine.Test) Trial {
	began := time.Now()
	trial := Trial{Test: t, Skipped: r.stage.unknown(t)}
	if trial.Skipped == "" {
		trial.Result = r.run(ctx, t.Case, t.Expect.DeniedBy != "")
		trial.Missed = missed(t, trial.Result)
		if trial.Missed != nil && t.Expect.DeniedBy == "" { // the same again, with its steps
			trial.Result = r.Trace(ctx, t.Case)
		}
	}
	trial.Duration = time.Since(began)
	return trial
}

// unknown says what a test would need whose value is absent, and allowed to be.
func (s *stage) unknown(t engine.Test) string {
	if !s.spec.Incomplete {
		return ""
	}
	for _, label := range slices.Concat(t.ShownBefore, []string{t.Via, t.Provider}) {
		p := s.providers[label]
		if why := s.unknownOf(p.Decl, "provider "+label); why != "" {
			return why
		}
		asked := slices.Clone(p.Mappings)
		if p.ForwardAuth != nil {
			asked = append(asked, p.ForwardAuth.Policies...)
			if why := s.unknownOf(p.ForwardAuth.Decl, "forward_auth of provider "+label); why != "" {
				return why
			}
		}
		for _, a := range p.Accesses {
			asked = append(asked, a.Policies...)
			if why := s.unknownOf(a.Decl, fmt.Sprintf("access %s of provider %s", a.Label, label)); why != "" {
				return why
			}
		}
		for _, ref := range asked {
			if why := s.unknownOf(s.scripts[engine.Ref{Kind: ref.Kind, Label: ref.Label}], ref.String()); why != "" {
				return why
			}
		}
	}
	return s.unknownOf(s.rest[engine.Ref{Kind: t.From.Kind, Label: t.From.Label}], t.From.String())
}

func (s *stage) unknownOf(d engine.Decl, what string) string {
	for name := range d.Unknown {
		return fmt.Sprintf("%q of %s is not known here", name, what)
	}
	return ""
}

// missed says what was expected and did not come.
func missed(t engine.Test, r Result) []string {
	var refusal *engine.Refusal
	var public *oauth2.Error
	if r.Err != nil && !errors.As(r.Err, &refusal) && !errors.As(r.Err, &public) {
		return []string{"it could not be tried: " + r.Err.Error()}
	}
	var all []string
	if came := outcomeOf(r); came != t.Expect.Outcome {
		return append(all, surprise(t, r))
	}
	if want := t.Expect.Access; want != "" && r.Access() != want {
		all = append(all, fmt.Sprintf("expected access %s, but %s got in by %s", want, who(t, r), theAccess(r)))
	}
	if want := t.Expect.Claims; want != nil {
		all = append(all, different("", *want, r.Claims)...)
	}
	if want := t.Expect.Error; want != "" && (public == nil && !errors.As(r.Err, &public) || string(public.Code) != want) {
		all = append(all, fmt.Sprintf("expected the error %s, but it was %s", want, codeOf(r.Err)))
	}
	if want := t.Expect.DeniedBy; want != "" && !slices.Contains(deniers(r), want) {
		all = append(all, fmt.Sprintf("expected %s to be denied by %s, but it was denied by %s: %s", who(t, r), want, listOr(deniers(r), "something else"), r.Decision.Reason))
	}
	for _, want := range t.Expect.Messages {
		if !slices.ContainsFunc(r.messages(), func(said string) bool { return strings.Contains(said, want) }) {
			all = append(all, fmt.Sprintf("expected the message %q, but policies told %s", want, listOr(quotedAll(r.messages()), "nothing")))
		}
	}
	return all
}

func outcomeOf(r Result) engine.Outcome {
	if r.Err != nil {
		return engine.Denied
	}
	return engine.Allowed
}

// surprise says who got in and should not have, and by what; or who did not,
// and why.
func surprise(t engine.Test, r Result) string {
	if r.Err != nil {
		return fmt.Sprintf("expected %s, but %s was denied by provider %s: %s", t.Expect.Outcome, who(t, r), r.Decision.Provider, r.Decision.Reason)
	}
	said := ""
	for _, asked := range r.Policies() {
		switch {
		case asked.Shadow:
			said += fmt.Sprintf("; policy %s is not enforced yet", asked.Policy)
		case asked.Verdict == engine.PolicyPassed:
			said += fmt.Sprintf("; policy %s said yes", asked.Policy)
		}
	}
	return fmt.Sprintf("expected %s, but %s got in by %s of provider %s%s", t.Expect.Outcome, who(t, r), theAccess(r), t.Provider, said)
}

// who names the one who asks: what shows the proof, and what it says of itself.
func who(t engine.Test, r Result) string {
	if t.From.Label == "" {
		return "somebody without credentials"
	}
	name := t.From.String()
	if sub, _ := r.Shown["sub"].(string); sub != "" {
		name += " " + sub
	}
	if source := r.Decision.Source; source != "" && source != t.From.String() {
		name += " (" + source + ")"
	}
	return name
}

func theAccess(r Result) string {
	switch access := r.Access(); access {
	case "":
		return "its access token"
	case "skip_paths":
		return access
	default:
		return "access " + access
	}
}

func codeOf(err error) string {
	var public *oauth2.Error
	if errors.As(err, &public) {
		return string(public.Code)
	}
	return "none"
}

// Policies are those that were asked, for all decisions of the case.
func (r Result) Policies() []engine.AskedPolicy {
	var all []engine.AskedPolicy
	for _, one := range r.Earlier {
		all = append(all, one.Policies...)
	}
	return append(all, r.Decision.Policies...)
}

func (r Result) messages() []string {
	var all []string
	for _, one := range r.Earlier {
		all = append(all, one.Messages...)
	}
	return append(all, r.Decision.Messages...)
}

// deniers are what said no to a case that was traced, in the words of
// engine.Denials and as policy.NAME. A policy that failed said nothing: whoever
// wants its no wants to know of that.
func deniers(r Result) []string {
	var all []string
	add := func(word string) {
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	for _, asked := range r.Decision.Policies {
		name := string(engine.KindPolicy) + "." + asked.Policy
		switch {
		case asked.Shadow:
		case asked.Verdict == engine.PolicyDenied:
			add(name)
		case asked.Verdict == engine.PolicyFailed:
			add("the failure of " + name)
		}
	}
	for _, word := range engine.DeniedBy(r.Trace) {
		add(word)
	}
	return all
}

// different tells where what was issued is not what was expected. A list is
// compared as a whole, not by what it contains.
func different(path string, want engine.Requirement, got any) []string {
	switch {
	case want.Fields != nil:
		object, _ := got.(map[string]any)
		var all []string
		for _, field := range want.Fields {
			member, there := object[field.Name]
			name := strings.TrimPrefix(path+"."+field.Name, ".")
			if !there {
				all = append(all, fmt.Sprintf("expected the claim %s, but the issued token has none", name))
				continue
			}
			all = append(all, different(name, field.Requirement, member)...)
		}
		return all
	case want.AnyOf != nil:
		list, isList := got.([]any)
		if isList && len(list) == len(want.AnyOf) {
			var all []string
			for i, one := range want.AnyOf {
				all = append(all, different(fmt.Sprintf("%s[%d]", path, i), one, list[i])...)
			}
			return all
		}
	default:
		if _, isList := got.([]any); !isList && want.Fulfils(got) {
			return nil
		}
	}
	return []string{fmt.Sprintf("expected the claim %s to be %s, but the issued token has %s", path, written(want), Written(got))}
}

// written is a requirement as an author writes it.
func written(r engine.Requirement) string {
	switch {
	case r.Pattern != nil:
		return fmt.Sprintf("pattern(%q)", r.Pattern)
	case r.AnyOf != nil:
		var all []string
		for _, one := range r.AnyOf {
			all = append(all, written(one))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case r.Fields != nil:
		return "an object"
	default:
		return Written(r.Equal)
	}
}

// maxShown bounds what is shown of a claim, in bytes.
const maxShown = 200

// Written is the value of a claim as JSON, cut where it is long.
func Written(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "something that is not JSON"
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(string(text[:maxShown]), "") + "…"
	}
	return string(text)
}

func quotedAll(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = Written(text)
	}
	return all
}

func listOr(all []string, none string) string {
	if len(all) == 0 {
		return none
	}
	return strings.Join(all, ", ")
}
