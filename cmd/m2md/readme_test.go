package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

// readmeSection is the text of a section of the README, up to the next one.
func readmeSection(t *testing.T, title string) string {
	t.Helper()
	_, section, found := strings.Cut(readFile(t, "../../README.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("the README has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// readmeServer is the server of the README's blocks.
const readmeServer = `
server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}
`

// readmeSpec is what the only HCL block of a section declares, beside a server.
// It fails where validate would say anything at all.
func readmeSpec(t *testing.T, title string) engine.Spec {
	t.Helper()
	blocks := regexp.MustCompile("(?s)\n```hcl\n(.*?)\n```\n").FindAllStringSubmatch(readmeSection(t, title), -1)
	if len(blocks) != 1 {
		t.Fatalf("the section %q has %d HCL blocks, want 1", title, len(blocks))
	}
	path := filepath.Join(t.TempDir(), "readme.hcl")
	writeFile(t, path, readmeServer+blocks[0][1]+"\n")
	a := assessed(t, path)
	if len(a.Findings) > 0 || a.Engine == nil {
		t.Fatalf("validate says of the section %q:\n%s", title, text(a))
	}
	return a.Spec
}

func TestReadmeClaimsMeanWhatTheirCommentsSay(t *testing.T) {
	spec := readmeSpec(t, "Claims")
	require := spec.Providers[0].Accesses[0].Require
	claims := func(changed string) engine.Claims {
		all := engine.Claims{
			"project": "acme/files", "event": "push", "ref": "refs/heads/main", "protected": true,
			"runner": map[string]any{"zone": "internal", "name": "r1"}, "groups": []any{"staff", "deployers"},
		}
		var other engine.Claims
		if err := json.Unmarshal([]byte(changed), &other); err != nil {
			t.Fatal(err)
		}
		for name, value := range other {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		return all
	}
	tests := []struct {
		name    string
		changed string
		fulfil  bool
	}{
		{"all as required", `{}`, true},
		{"another of a list", `{"event": "schedule"}`, true},
		{"none of a list", `{"event": "pull_request"}`, false},
		{"another string", `{"project": "acme/files2"}`, false},
		{"a match", `{"ref": "refs/heads/release-1"}`, true},
		{"a match of a part", `{"ref": "x/refs/heads/main"}`, false},
		{"text for a boolean", `{"protected": "true"}`, false},
		{"another member of an object", `{"runner": {"zone": "public"}}`, false},
		{"no object", `{"runner": "internal"}`, false},
		{"one value for a list", `{"groups": "deployers"}`, true},
		{"a list without it", `{"groups": ["staff"]}`, false},
		{"an absent claim", `{"project": null}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := require.Match(claims(tt.changed)); got != tt.fulfil {
				t.Errorf("Match = %t, want %t", got, tt.fulfil)
			}
		})
	}
	if require.Match(nil) {
		t.Error("an account, which has no claims, fulfils them")
	}
	if !spec.Sources[0].Require.Match(engine.Claims{"organization_id": "1234"}) || spec.Sources[0].Require.Match(engine.Claims{"organization_id": json.Number("1234")}) {
		t.Error("the claim of the source is not that string alone")
	}
}

func TestReadmePolicyLetsReadersReadAndWritersWrite(t *testing.T) {
	spec := readmeSpec(t, "Policies")
	policy, err := newPolicies().CompilePolicy(spec.Policies[0])
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		method string
		groups []string
		passes bool
	}{
		{"anybody reads", http.MethodGet, nil, true},
		{"a writer writes", http.MethodPut, spec.Accounts[0].Groups, true},
		{"another does not", http.MethodPut, []string{"staff"}, false},
		{"nobody where no trusted proxy says the method", "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &engine.PolicyInput{User: engine.PolicyUser{Groups: tt.groups}, HTTP: engine.PolicyHTTP{Method: tt.method}}
			if verdict, err := policy.Evaluate(t.Context(), in); verdict.Pass != tt.passes || err != nil {
				t.Errorf("Evaluate = %t, %v, want %t", verdict.Pass, err, tt.passes)
			}
		})
	}
}

// listed are the names in the first column of a table that begin so.
func listed(section, begin string) (names []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| `("+begin+"[a-z0-9_]+)` \\|").FindAllStringSubmatch(section, -1) {
		names = append(names, row[1])
	}
	return names
}

// operating is a section of docs/operating.md.
func operating(t *testing.T, title string) string {
	t.Helper()
	_, section, found := strings.Cut(readFile(t, "../../docs/operating.md"), "\n## "+title+"\n")
	if !found {
		t.Fatalf("docs/operating.md has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// It has the keys that are looked for most; docs/decisions.md has all.
func TestOperatingListsKeysOfTheDecisionLog(t *testing.T) {
	section := operating(t, "The decision log")
	all := decisionlog.Fields()
	got := listed(section, "")
	for _, key := range got {
		if !slices.ContainsFunc(all, func(f decisionlog.Field) bool { return f.Name == key }) {
			t.Errorf("it lists %q, which no record has", key)
		}
	}
	if len(got) == 0 {
		t.Error("it lists no key")
	}
}

func TestOperatingListsTheMetrics(t *testing.T) {
	descriptions := make(chan *prometheus.Desc)
	go func() { defer close(descriptions); newMetrics().registry.Describe(descriptions) }()
	var kept []string
	for description := range descriptions {
		if name := regexp.MustCompile(`fqName: "(m2md_[a-z_]+)"`).FindStringSubmatch(description.String()); name != nil {
			kept = append(kept, name[1])
		}
	}
	got := listed(operating(t, "The metrics"), "m2md_")
	slices.Sort(kept)
	slices.Sort(got)
	if len(kept) == 0 || !slices.Equal(got, kept) {
		t.Errorf("it lists %q, and there are %q", got, kept)
	}
}

// Each kind of finding about what surrounds the files has the paragraph that
// reports link.
func TestOperatingHasTheFindingsAboutWhatSurroundsTheFiles(t *testing.T) {
	section := operating(t, "Findings of --online and --against-running")
	for _, rule := range rolloutRules() {
		title := strings.ToUpper(rule.title[:1]) + rule.title[1:]
		if !strings.Contains(section, "\n### "+rule.id+"\n\n**"+title+"**\n\n"+rule.why+"\n") {
			t.Errorf("it does not have %s as the code has it", rule.id)
		}
	}
}

// Variables are read as the documentation says.
func TestOperatingShowsVariablesAsTheyAreRead(t *testing.T) {
	_, block, _ := strings.Cut(operating(t, "Variables from a file"), "\n```\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	got, err := parseEnvFile(block)
	if err != nil || len(got) != 3 || got["M2MD_TWO"] != "as it stands, # and $ too" || !strings.HasSuffix(got["M2MD_KEY"], ";\nit may have several lines") {
		t.Errorf("it is read as %q, %v", got, err)
	}
}
