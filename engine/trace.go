package engine

// Trace tells how a request went through the pipeline, step by step: what was
// compared, what passed, what failed and by how little. It is for operators,
// and holds the values of claims, but never a token, its signature, a password,
// or a value that came from env() or file(). A request is traced only where
// Caller.Trace is set, and decided alike whether or not it is. The zero value
// is ready for use; one is for one request.
type Trace struct {
	Steps []Step

	offline bool // keys of a source were not at hand
	letsIn  bool // where only a signature could not be checked: the rest lets in
}

// Step is one thing that was looked at.
type Step struct {
	Stage   Stage
	Subject string // what was looked at: oauth_source.github, repository, only_repo, …
	// Access is the label of the access for which it was; "" outside of any.
	Access  string
	Outcome StepOutcome
	Detail  string // one sentence, or several: what was compared, with what was found
	Near    string // how little was missing; "" where that is not known
	Remedy  string // what would have it pass; "" where that is not known
	At      Range  // of what asks for it; the zero value for no place
	// Supposed says that the decision had fallen before, and that this tells
	// what would have come had it not.
	Supposed bool
}

// Stage is the part of the pipeline that a step belongs to.
type Stage string

// The stages, in the order in which a request meets them.
const (
	StageRequest   Stage = "request"   // which provider, by what
	StageProof     Stage = "proof"     // what was shown, and whether it can be read
	StageSource    Stage = "source"    // which sources it may come from
	StageSignature Stage = "signature" // whose key made it
	StageTimes     Stage = "times"
	StageSubject   Stage = "subject"
	StageAudience  Stage = "audience"
	StageClaim     Stage = "claim" // one claim of require_claims
	StageAccess    Stage = "access"
	StagePolicy    Stage = "policy"
	StageMapping   Stage = "mapping"
	StageScopes    Stage = "scopes"
	StageLifetime  Stage = "lifetime"
	StageReplay    Stage = "replay"
)

// StepOutcome is how a step went.
type StepOutcome string

// The outcomes of a step. One that failed need not be why a request is refused:
// another access may let in.
const (
	StepPassed  StepOutcome = "passed"
	StepFailed  StepOutcome = "failed"
	StepSkipped StepOutcome = "skipped" // it did not apply, or could not be looked at
	StepNoted   StepOutcome = "noted"   // it decides nothing: a shadowed policy, a scope that is not granted
)

// add appends a step. A nil trace takes none.
func (t *Trace) add(s Step) {
	if t != nil {
		t.Steps = append(t.Steps, s)
	}
}
