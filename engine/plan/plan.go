package plan

import (
	"context"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
)

// Revision is one side of a change.
type Revision struct {
	Spec engine.Spec
	// Root is how the places of Spec begin, up to what is told apart below it;
	// the same file of two revisions has the same rest.
	Root string
	// Written says how a value is written that is unknown, by its place; "" where
	// that is not known, which is never the same as another.
	Written func(engine.Range) string
	// Rehearse compiles the revision for rehearsals, once it is needed.
	Rehearse func(context.Context) (*rehearse.Rehearsal, error)
}

// Options bound a comparison. The zero value takes the defaults.
type Options struct {
	Now time.Time // when it is asked; the zero value for now
	// Records are decisions that were made, to be made again by both sides.
	Records  []engine.Decision
	MaxTries int           // identities that are made and shown; 0 for DefaultTries
	Time     time.Duration // after which no identity is shown any more; 0 for DefaultTime
}

// The defaults of Options.
const (
	DefaultTries = 3000
	DefaultTime  = 30 * time.Second
)

// Plan is what a change means.
type Plan struct {
	Changes []Change // in the order of the language, and of the files
	Effects []Effect // what matters most comes first
	Tried   int      // identities that both sides were asked about
	// Replayed are recorded decisions that were made again, and Unreplayable
	// those that do not hold what that takes.
	Replayed, Unreplayable int
}

// How is what became of a block.
type How string

// What can become of a block.
const (
	Added   How = "added"
	Removed How = "removed"
	Changed How = "changed"
	Renamed How = "renamed"
)

// Change is a block that is not as it was.
type Change struct {
	How        How
	Block      string       // as provider.loki, and provider.loki access.ci
	Was        string       // the same before, of one that was renamed
	At         engine.Range // in the new files; of one that was removed, in the old
	Attributes []Attribute  // of one that was changed, or added
}

// Attribute is one whose value is not what it was, as the language writes it.
type Attribute struct {
	Name     string
	Old, New string // "" for not given; Hidden in the place of what is not shown
	At       engine.Range
	Gone     bool // At is in the old files
}

// Hidden stands in the place of a value that no output shows.
const Hidden = "(sensitive)"

// Direction is what a change means for those outside.
type Direction string

// The directions, those that matter most first.
const (
	Widens    Direction = "widens"    // somebody may newly get in, or may do more
	Undecided Direction = "undecided" // whether so, or the contrary, cannot be known
	Narrows   Direction = "narrows"
	MayNarrow Direction = "may narrow" // nobody gains; whether somebody loses cannot be known
	Alters    Direction = "alters"     // neither: something is done otherwise
)

// Effect is one thing that a change means.
type Effect struct {
	Direction Direction
	Provider  string // label; "" for what concerns all
	Door      string // "token" or engine.DoorForwardAuth; "" for all
	Access    string // label of the access by which somebody gets in, or did
	What      string // in one sentence without a period
	At        engine.Range
	Gone      bool // At is in the old files
	// Identities are some that the change lets in, or shuts out.
	Identities []Identity
	More       int // further ones that were found
}

// Identity is somebody who gets in by one side alone.
type Identity struct {
	Source string // as oauth_source.github
	Claims []Claim
	From   string // where it is from: "made up", `test "…"`, "recorded"
}

// Claim is one that tells an identity from others.
type Claim struct {
	Name  string // with the names of the objects around it, as kubernetes.io.namespace
	Value string // as JSON; Hidden in the place of what is not shown
}

// Has says whether some effect is of that direction.
func (p *Plan) Has(d Direction) bool {
	return slices.ContainsFunc(p.Effects, func(e Effect) bool { return e.Direction == d })
}

// Empty says whether both sides are the same.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Effects) == 0 }

// Compare tells what the change from one revision to another means. Its error
// is that of a revision that cannot be rehearsed.
func Compare(ctx context.Context, before, after Revision, o Options) (*Plan, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.MaxTries == 0 {
		o.MaxTries = DefaultTries
	}
	if o.Time == 0 {
		o.Time = DefaultTime
	}
	c := &comparison{Options: o, plan: &Plan{}, was: newSide(before), is: newSide(after)}
	c.blocks()
	if len(c.plan.Changes) > 0 {
		c.settings()
		c.providers()
		if err := c.witness(ctx); err != nil {
			return nil, err
		}
		c.settle()
	}
	c.order()
	return c.plan, nil
}

// comparison is one run of Compare.
type comparison struct {
	Options
	plan     *Plan
	was, is  *side
	renamed  map[string]string // references of the old side, to those of the new
	openings []*opening        // by which somebody may gain
	losses   []*opening
}

// tell adds an effect.
func (c *comparison) tell(e Effect) { c.plan.Effects = append(c.plan.Effects, e) }

// order puts first what matters most.
func (c *comparison) order() {
	rank := map[Direction]int{Widens: 0, Undecided: 1, Narrows: 2, MayNarrow: 3, Alters: 4}
	slices.SortStableFunc(c.plan.Effects, func(a, b Effect) int { return rank[a.Direction] - rank[b.Direction] })
}
