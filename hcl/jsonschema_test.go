package hcl_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/m2md/m2md/hcl"
)

// compiledSchema is the language's JSON Schema, as a validator reads it.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	if err := hcl.WriteJSONSchema(&out); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("m2md.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("m2md.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestTheJSONSchemaTakesWhatTheLanguageTakes(t *testing.T) {
	compiled := compiledSchema(t)
	files, err := filepath.Glob("../testdata/valid/*/*.hcl.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err == nil {
			err = compiled.Validate(document)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestWhatTheJSONSchemaRefusesTheLanguageRefuses(t *testing.T) {
	compiled := compiledSchema(t)
	tests := []struct {
		name, file string
		refused    bool // by the schema; the language refuses the same
	}{
		{"nothing at all", `{}`, false},
		{"a comment", `{"//": ["a", 1]}`, false},
		{"a block of each form", `{"server": {"listen": "127.0.0.1:9440"}, "service_account": [{"a": {}}, {"b": [{"groups": ["x"]}]}]}`, false},
		{"an expression for anything", `{"locals": {"x": ["a"]}, "service_account": {"a": {"groups": "${local.x}"}}}`, false},
		{"any label for a test", `{"service_account": {"a": {}}, "provider": {"p": {"access": {"a": {"from": ["service_account.a"]}}}}, "test": {"Anybody may?": {"provider": "provider.p", "account": "service_account.a", "expect": "allow"}}}`, false},
		{"an unknown block", `{"servr": {}}`, true},
		{"an unknown attribute", `{"server": {"listn": "127.0.0.1:9440"}}`, true},
		{"a wrong type", `{"service_account": {"a": {"groups": "x"}}}`, true},
		{"a wrong label", `{"service_account": {"A b": {}}}`, true},
		{"a word that there is not", `{"server": {"issuer_mode": "other"}}`, true},
		{"two of what may be there once", `{"server": [{}, {}]}`, true},
		{"a reference to another kind", `{"provider": {"p": {"signing_key": "policy.x"}}}`, true},
		{"both of a choice", `{"policy": {"p": {"script": "return true;", "script_file": "a.js"}}}`, true},
		{"none of a choice", `{"policy": {"p": {}}}`, true},
		{"what is required", `{"test": {"x": {"provider": "provider.p", "account": "service_account.a"}}}`, true},
		{"an empty list where one must be filled", `{"provider": {"p": {"access": {"a": {"from": []}}}}}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(test.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(document); (err != nil) != test.refused {
				t.Errorf("the schema says: %v", err)
			}
			path := filepath.Join(t.TempDir(), "m2md.hcl.json")
			if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if found := hcl.Load(hcl.Options{Path: path}).Findings; (found.Err() != nil) != test.refused {
				t.Errorf("the language says: %v", found)
			}
		})
	}
}

func TestTheJSONSchemaSaysWhatEachBlockAndAttributeIsFor(t *testing.T) {
	var out bytes.Buffer
	if err := hcl.WriteJSONSchema(&out); err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(out.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	described := strings.Count(out.String(), `"description":`)
	want := 0
	var count func([]hcl.BlockDoc)
	count = func(blocks []hcl.BlockDoc) {
		for _, b := range blocks {
			want += 1 + len(b.Attributes)
			count(b.Blocks)
		}
	}
	count(hcl.Blocks())
	if described < want {
		t.Errorf("%d descriptions of %d blocks and attributes", described, want)
	}
}
