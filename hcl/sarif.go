package hcl

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// Rule is what a report says of a kind of findings, beside each of them.
type Rule struct {
	ID    string // as in engine.Finding
	Title string // in one line
	Why   string // it matters
	URL   string // of its documentation; "" for none
}

// SARIFOptions are what a report says of the program. The zero value will do.
type SARIFOptions struct {
	Version string
	Rules   []Rule // of which those are told that some finding has
}

// faultRule is the rule of findings without an ID: what keeps a configuration
// from being served, or could be said of it whatever it decides.
const faultRule = "M2MD000"

// WriteSARIF writes findings in the Static Analysis Results Interchange Format,
// version 2.1.0 (OASIS), which code scanning of GitHub and others read. Files
// are told as they were named, with slashes, so that the command has to run in
// the repository's folder.
func WriteSARIF(w io.Writer, f engine.Findings, s Sources, o SARIFOptions) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: make([]sarifResult, 0, len(f))}
	run.Tool.Driver = sarifDriver{Name: "m2md", Version: o.Version, InformationURI: "https://github.com/m2md/m2md", Rules: []sarifRule{}}
	for _, one := range f {
		run.Results = append(run.Results, run.result(one, s, o.Rules))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// The parts of the format that are written. Source: SARIF 2.1.0 §3.13 to §3.49.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string     `json:"id"`
		Short   sarifText  `json:"shortDescription"`
		Full    *sarifText `json:"fullDescription,omitempty"`
		HelpURI string     `json:"helpUri,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region sarifRegion `json:"region"`
		} `json:"physicalLocation"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn"`
		EndLine     int        `json:"endLine"`
		EndColumn   int        `json:"endColumn"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
)

// result is a finding; its rule is added where it is the first of it.
func (r *sarifRun) result(one engine.Finding, s Sources, rules []Rule) sarifResult {
	rule := sarifRule{ID: one.ID, Short: sarifText{one.Summary}}
	if one.ID == "" {
		rule = sarifRule{ID: faultRule, Short: sarifText{"The configuration is not as it should be."}}
	}
	if i := slices.IndexFunc(rules, func(known Rule) bool { return known.ID == rule.ID }); i >= 0 {
		rule.Short, rule.HelpURI = sarifText{rules[i].Title}, rules[i].URL
		if rules[i].Why != "" {
			rule.Full = &sarifText{rules[i].Why}
		}
	}
	driver := &r.Tool.Driver
	index := slices.IndexFunc(driver.Rules, func(known sarifRule) bool { return known.ID == rule.ID })
	if index < 0 {
		index = len(driver.Rules)
		driver.Rules = append(driver.Rules, rule)
	}
	place := sarifLocation{}
	place.Physical.Artifact.URI = fileURI(one.At.File)
	place.Physical.Region = sarifRegionOf(one.At, s)
	return sarifResult{RuleID: rule.ID, RuleIndex: index, Level: one.Severity.String(), Message: sarifText{sentence(one)}, Locations: []sarifLocation{place}}
}

// sentence is a finding as a message: what is wrong, and the remedy.
func sentence(one engine.Finding) string {
	text := strings.ToUpper(one.Summary[:min(len(one.Summary), 1)]) + one.Summary[min(len(one.Summary), 1):] + "."
	if one.Detail != "" {
		text += " " + one.Detail
	}
	return text
}

// sarifRegionOf is a place; its end is the first column that it does not cover
// (SARIF 2.1.0 §3.30.8), as in engine.Range.
func sarifRegionOf(at engine.Range, s Sources) sarifRegion {
	region := sarifRegion{
		StartLine: max(at.Start.Line, 1), StartColumn: max(at.Start.Column, 1),
		EndLine: max(at.End.Line, at.Start.Line, 1), EndColumn: max(at.End.Column, 1),
	}
	if region.EndLine == region.StartLine {
		region.EndColumn = max(region.EndColumn, region.StartColumn)
	}
	if line, start, end, ok := lineOf(at, s); ok && end > start {
		region.Snippet = &sarifText{shorten(line[start:end], maxExcerpt)}
	}
	return region
}

// fileURI is a file's name as a URI, relative where the name is.
func fileURI(name string) string {
	path := filepath.ToSlash(name)
	if filepath.IsAbs(name) {
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(path, "/")}).String()
	}
	return (&url.URL{Path: strings.TrimPrefix(path, "./")}).String()
}
