package main

import (
	"encoding/json"
	"io"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/plan"
	"github.com/m2md/m2md/hcl"
)

// planDocument is the report for machines. Its fields are documented in
// docs/plan.md and stay.
type planDocument struct {
	Old          string       `json:"old"`
	New          string       `json:"new"`
	Widens       bool         `json:"widens"`
	Narrows      bool         `json:"narrows"`
	Undecided    bool         `json:"undecided"`
	FailedOn     string       `json:"failed_on"` // "" where nothing stopped it
	Changes      []planChange `json:"changes"`
	Effects      []planEffect `json:"effects"`
	Tried        int          `json:"tried"`
	Replayed     int          `json:"replayed"`
	Unreplayable int          `json:"unreplayable"`
}

type planPlace struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Revision string `json:"revision"` // old or new
}

type planChange struct {
	How        string          `json:"how"`
	Block      string          `json:"block"`
	Was        string          `json:"was,omitempty"`
	At         planPlace       `json:"at"`
	Attributes []planAttribute `json:"attributes"`
}

type planAttribute struct {
	Name string    `json:"name"`
	Old  string    `json:"old"`
	New  string    `json:"new"`
	At   planPlace `json:"at"`
}

type planEffect struct {
	Direction  string         `json:"direction"`
	Provider   string         `json:"provider"`
	Door       string         `json:"door"`
	Access     string         `json:"access"`
	What       string         `json:"what"`
	At         planPlace      `json:"at"`
	Identities []planIdentity `json:"identities"`
	More       int            `json:"more"`
}

type planIdentity struct {
	Source string      `json:"source"`
	From   string      `json:"from"`
	Claims []planClaim `json:"claims"`
}

type planClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"` // as JSON, or what says why it is not shown
}

// reportPlanAsJSON writes one document. A side that has faults is reported as
// validate does.
func reportPlanAsJSON(w io.Writer, r *planRun) error {
	if r.faulty != nil {
		found, sources := r.faulty.findings()
		return hcl.WriteJSON(w, found, sources)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.document())
}

func (r *planRun) document() planDocument {
	d := planDocument{
		Old: r.was.name, New: r.is.name, FailedOn: r.failed, Tried: r.Tried, Replayed: r.Replayed, Unreplayable: r.Unreplayable,
		Widens: r.Has(plan.Widens), Narrows: r.Has(plan.Narrows), Undecided: r.Has(plan.Undecided) || r.Has(plan.MayNarrow),
		Changes: []planChange{}, Effects: []planEffect{},
	}
	for _, c := range r.Changes {
		one := planChange{How: string(c.How), Block: c.Block, Was: c.Was, At: r.placeOf(c.At, c.How == plan.Removed), Attributes: []planAttribute{}}
		for _, a := range c.Attributes {
			one.Attributes = append(one.Attributes, planAttribute{a.Name, a.Old, a.New, r.placeOf(a.At, a.Gone)})
		}
		d.Changes = append(d.Changes, one)
	}
	for _, e := range r.Effects {
		one := planEffect{Direction: string(e.Direction), Provider: e.Provider, Door: e.Door, Access: e.Access, What: e.What, At: r.placeOf(e.At, e.Gone), Identities: []planIdentity{}, More: e.More}
		for _, id := range e.Identities {
			who := planIdentity{Source: id.Source, From: id.From, Claims: []planClaim{}}
			for _, claim := range id.Claims {
				who.Claims = append(who.Claims, planClaim(claim))
			}
			one.Identities = append(one.Identities, who)
		}
		d.Effects = append(d.Effects, one)
	}
	return d
}

func (r *planRun) placeOf(at engine.Range, gone bool) planPlace {
	side, revision := r.is, "new"
	if gone {
		side, revision = r.was, "old"
	}
	return planPlace{side.visible(at.File), at.Start.Line, at.Start.Column, revision}
}
