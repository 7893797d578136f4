package hcl_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	hashicorp "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/m2md/m2md/hcl"
)

var updateLanguage = flag.Bool("update-language", false, "write docs/language.md")

// The reference of the language: what the schema says, and blocks of examples
// that are configurations of their own.
func TestTheReferenceSaysWhatTheLanguageIs(t *testing.T) {
	const path = "../docs/language.md"
	want := reference(t)
	if *updateLanguage {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/language.md is not what the schema says (%v); go test ./hcl -run Reference -update-language writes it", err)
	}
}

// exampleBlock is a block of an example.
type exampleBlock struct {
	text string // with the comment above it
	body *hclsyntax.Body
}

// exampleBlocks are the blocks of testdata/reference, by their names. Each
// example is valid: its secrets are not there.
func exampleBlocks(t *testing.T) map[string][]exampleBlock {
	t.Helper()
	files, err := filepath.Glob("../testdata/reference/*.hcl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	blocks := map[string][]exampleBlock{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, diags := hclsyntax.ParseConfig(content, file, hashicorp.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		shown, _, _ := strings.Cut(filepath.Base(file), ".")
		shown, _, _ = strings.Cut(shown, "_env")
		shown, _, _ = strings.Cut(shown, "_syslog")
		for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
			if block.Type == shown {
				r := block.Range()
				blocks[shown] = append(blocks[shown], exampleBlock{string(content[r.Start.Byte:block.CloseBraceRange.End.Byte]), block.Body})
			}
		}
	}
	return blocks
}

// reference is docs/language.md.
func reference(t *testing.T) []byte {
	examples := exampleBlocks(t)
	var out bytes.Buffer
	out.WriteString("<!-- Written by go test ./hcl -run Reference -update-language. Do not edit. -->\n\n# The language\n\n" +
		"Every block, every attribute. How they work together is told in [trust.md](trust.md), [tokens.md](tokens.md), [policies.md](policies.md),\n" +
		"[testing.md](testing.md) and [decisions.md](decisions.md). The examples are parts of configurations in\n" +
		"[testdata/reference](../testdata/reference), which the tests validate.\n\n" +
		"A *reference* is a name, such as `oauth_source.github`, and no string. A *duration* is a string such as `\"90s\"` or `\"2160h\"`. A *file name* is relative to the\n" +
		"file that says it. Nothing is converted: `\"3\"` is no number.\n\n")
	for _, b := range hcl.Blocks() {
		fmt.Fprintf(&out, "- [`%s`](#%s)\n", b.Name, b.Name)
	}
	for _, b := range hcl.Blocks() {
		if b.NotYet {
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n", b.Name)
		writeBlock(&out, b, nil)
		if len(examples[b.Name]) == 0 {
			t.Errorf("no example shows the block %s", b.Name)
		}
		for _, example := range examples[b.Name] {
			fmt.Fprintf(&out, "\n```hcl\n%s\n```\n", example.text)
		}
		shown := map[string]bool{}
		for _, example := range examples[b.Name] {
			attributesOf(shown, b.Name, example.body)
		}
		for _, path := range paths(b, "") {
			if !shown[path] {
				t.Errorf("no example shows %s", path)
			}
		}
	}
	return out.Bytes()
}

// writeBlock tells of a block and, below it, of those in it.
func writeBlock(out *bytes.Buffer, b hcl.BlockDoc, above []string) {
	how := "`" + strings.Join(append(slices.Clone(above), b.Name), "` › `") + "`"
	if b.Labelled {
		how += " `\"NAME\"`"
	}
	if b.Single {
		how += ", at most once"
	}
	fmt.Fprintf(out, "%s. %s\n", how, b.Doc)
	if len(b.Attributes) > 0 {
		out.WriteString("\n| Attribute | Takes | Default | |\n|---|---|---|---|\n")
	}
	for _, a := range b.Attributes {
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", a.Name, takes(a), cell(defaultOf(a)), cell(about(a)))
	}
	for _, inner := range b.Blocks {
		if !inner.NotYet {
			out.WriteString("\n")
			writeBlock(out, inner, append(slices.Clone(above), b.Name))
		}
	}
}

func takes(a hcl.AttributeDoc) string {
	switch {
	case len(a.Kinds) > 0:
		kinds := make([]string, len(a.Kinds))
		for i, kind := range a.Kinds {
			kinds[i] = "`" + string(kind) + "`"
		}
		return string(a.Type) + ": " + strings.Join(kinds, ", ")
	default:
		return string(a.Type)
	}
}

func defaultOf(a hcl.AttributeDoc) string {
	switch {
	case a.Required:
		return "*required*"
	case a.Default != "":
		return a.Default
	default:
		return ""
	}
}

func about(a hcl.AttributeDoc) string {
	said := []string{a.Doc}
	if len(a.Words) > 0 {
		said = append(said, "One of `"+strings.Join(a.Words, "`, `")+"`.")
	}
	if a.Constraint != "" {
		said = append(said, a.Constraint)
	}
	if a.Unit != "" {
		said = append(said, "In "+a.Unit+".")
	}
	if a.Secret {
		said = append(said, "A secret: by `env()`, never as it is.")
	}
	if a.NoEffect {
		said = append(said, "It has no effect.")
	}
	return strings.Join(said, " ")
}

// cell keeps a text from ending its cell.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

// paths are the attributes of a block and of those in it, as BLOCK.BLOCK.NAME.
func paths(b hcl.BlockDoc, above string) (all []string) {
	for _, a := range b.Attributes {
		all = append(all, above+b.Name+"."+a.Name)
	}
	for _, inner := range b.Blocks {
		if !inner.NotYet {
			all = append(all, paths(inner, above+b.Name+".")...)
		}
	}
	return all
}

// attributesOf notes the attributes that a body has, and those of the blocks in it.
func attributesOf(shown map[string]bool, path string, body *hclsyntax.Body) {
	for name := range body.Attributes {
		shown[path+"."+name] = true
	}
	for _, block := range body.Blocks {
		attributesOf(shown, path+"."+block.Type, block.Body)
	}
}
