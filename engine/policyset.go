package engine

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// policies are asked together: those of an access, or of a door.
type policies struct {
	all  []namedPolicy
	mode PolicyMode
}

type namedPolicy struct {
	label string
	Policy
	shadowUntil time.Time // zero: it counts
}

// shadowed says whether the policy is only asked, and does not count.
func (p *namedPolicy) shadowed(now time.Time) bool { return now.Before(p.shadowUntil) }

// ask asks the policies that an access names, or forward_auth where access is
// "", and returns "" where they let in, and else why not. A policy that cannot
// answer counts as a no. Those that are shadowed are asked last, all of them,
// and change nothing.
func (p *policies) ask(ctx context.Context, a *attempt, id *identity, access string) string {
	if len(p.all) == 0 {
		return ""
	}
	in := a.input(id)
	miss := p.enforce(ctx, a, in, access)
	for i := range p.all {
		if one := &p.all[i]; one.shadowed(a.Time) {
			one.ask(ctx, a, in, AskedPolicy{Policy: one.label, Access: access, Shadow: true})
		}
	}
	return miss
}

// enforce asks those that count. Where any one of them would do and none
// counts yet, nobody has said yes.
func (p *policies) enforce(ctx context.Context, a *attempt, in *PolicyInput, access string) string {
	var noes []string
	for i := range p.all {
		one := &p.all[i]
		if one.shadowed(a.Time) {
			continue
		}
		asked := one.ask(ctx, a, in, AskedPolicy{Policy: one.label, Access: access})
		if asked.Verdict == PolicyPassed && p.mode == AnyPolicy {
			return ""
		}
		if asked.Verdict == PolicyPassed {
			continue
		}
		noes = append(noes, asked.no())
		if p.mode == AllPolicies {
			break
		}
	}
	if noes == nil && p.mode == AnyPolicy {
		return "no policy counts yet, and one must say yes"
	}
	return strings.Join(noes, ", ")
}

// ask asks one policy, and records what it said.
func (p *namedPolicy) ask(ctx context.Context, a *attempt, in *PolicyInput, asked AskedPolicy) *AskedPolicy {
	verdict, err := p.Evaluate(ctx, in)
	switch {
	case err != nil:
		asked.Verdict, asked.Reason = PolicyFailed, shorten(err.Error(), maxReason)
	case verdict.Pass:
		asked.Verdict = PolicyPassed
	default:
		asked.Verdict = PolicyDenied
	}
	asked.Messages, asked.Log = verdict.Messages, verdict.Log
	if a.Policies == nil {
		a.Policies = a.room[:0]
	}
	a.Policies = append(a.Policies, asked)
	if !asked.Shadow {
		a.Messages = append(a.Messages, verdict.Messages...)
	}
	return &a.Policies[len(a.Policies)-1]
}

// no says why a policy does not let in.
func (p *AskedPolicy) no() string {
	if p.Verdict == PolicyFailed {
		return fmt.Sprintf("policy %s failed: %s", p.Policy, p.Reason)
	}
	return fmt.Sprintf("policy %s said no", p.Policy)
}

// maxTold bounds in bytes what a client is told of what policies say.
const maxTold = 500

// noEntry refuses somebody whom no access or door lets in. Where the provider
// says so, the client is told what the policies told.
func (a *attempt) noEntry(format string, args ...any) *Refusal {
	refusal := noAccess(format, args...)
	if a.provider.tellsMessages && len(a.Messages) > 0 {
		told := descriptionText(strings.Join(a.Messages, " "))
		refusal.Public.Description += " " + told[:min(len(told), maxTold)]
	}
	return refusal
}

// descriptionText leaves of a text what an error_description may hold: printable
// ASCII without quotes and backslashes (RFC 6749 §5.2).
func descriptionText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '?'
		default:
			return r
		}
	}, s)
}
