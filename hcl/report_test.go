package hcl_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// hostile is a finding whose texts try to end what they stand in.
func hostile() (engine.Findings, hcl.Sources) {
	content := []byte("a = 1\nbé = \"x\" # y\n")
	at := engine.Range{File: "m2md.d/a:b, 100%.hcl", Start: engine.Pos{Line: 2, Column: 6, Byte: 12}, End: engine.Pos{Line: 2, Column: 9, Byte: 15}}
	return engine.Findings{
		{Severity: engine.Warning, ID: "WIF005", Summary: "x, y: 50%\n::error::z", Detail: "First\r\n::warning::second 100%.", At: at},
		{Severity: engine.Note, ID: "WIF005", Summary: "again", Detail: "Twice.", At: at},
		{Summary: "of several lines", Detail: "Z.", At: engine.Range{File: "/abs/c d.hcl", Start: engine.Pos{Line: 1, Column: 1}, End: engine.Pos{Line: 3, Column: 2}}},
	}, hcl.Sources{at.File: content}
}

func TestAnAnnotationEndsWhereItShould(t *testing.T) {
	findings, _ := hostile()
	var out bytes.Buffer
	if err := hcl.WriteGitHub(&out, findings); err != nil {
		t.Fatal(err)
	}
	want := "::warning file=m2md.d/a%3Ab%2C 100%25.hcl,line=2,endLine=2,col=6,endColumn=9,title=WIF005%3A x%2C y%3A 50%25%0A%3A%3Aerror%3A%3Az::First%0D%0A::warning::second 100%25.\n" +
		"::notice file=m2md.d/a%3Ab%2C 100%25.hcl,line=2,endLine=2,col=6,endColumn=9,title=WIF005%3A again::Twice.\n" +
		"::error file=/abs/c d.hcl,line=1,endLine=3,title=of several lines::Z.\n"
	if out.String() != want {
		t.Errorf("written as\n%s\nnot as\n%s", out.String(), want)
	}
}

func TestASARIFLogSaysWhatTheFindingsSay(t *testing.T) {
	findings, sources := hostile()
	var out bytes.Buffer
	rules := []hcl.Rule{{ID: "WIF001", Title: "not here"}, {ID: "WIF005", Title: "A title", Why: "A reason.", URL: "https://example.com/WIF005"}}
	if err := hcl.WriteSARIF(&out, findings, sources, hcl.SARIFOptions{Version: "1.2.3", Rules: rules}); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID, HelpURI string }
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct {
							StartLine, StartColumn, EndLine, EndColumn int
							Snippet                                    struct{ Text string }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if rules := run.Tool.Driver.Rules; len(rules) != 2 || rules[0].ID != "WIF005" || rules[0].HelpURI == "" || rules[1].ID != "M2MD000" {
		t.Errorf("the rules are %v; each that some finding has should stand there once", rules)
	}
	tests := []struct {
		rule          string
		index         int
		level, uri    string
		line, columns int
		end, endsAt   int
		snippet, says string
	}{
		{"WIF005", 0, "warning", "m2md.d/a:b,%20100%25.hcl", 2, 6, 2, 9, `"x"`, "X, y: 50%\n::error::z. First"},
		{"WIF005", 0, "note", "m2md.d/a:b,%20100%25.hcl", 2, 6, 2, 9, `"x"`, "Again. Twice."},
		{"M2MD000", 1, "error", "file:///abs/c%20d.hcl", 1, 1, 3, 2, "", "Of several lines. Z."},
	}
	if len(run.Results) != len(tests) {
		t.Fatalf("%d results of %d findings", len(run.Results), len(tests))
	}
	for i, want := range tests {
		got, place := run.Results[i], run.Results[i].Locations[0].PhysicalLocation
		if got.RuleID != want.rule || got.RuleIndex != want.index || got.Level != want.level || place.ArtifactLocation.URI != want.uri || !strings.HasPrefix(got.Message.Text, want.says) {
			t.Errorf("result %d: %+v", i, got)
		}
		if r := place.Region; r.StartLine != want.line || r.StartColumn != want.columns || r.EndLine != want.end || r.EndColumn != want.endsAt || r.Snippet.Text != want.snippet {
			t.Errorf("result %d stands at %+v", i, r)
		}
	}
}
