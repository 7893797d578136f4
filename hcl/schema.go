package hcl

import (
	"github.com/m2md/m2md/engine"
)

// Type is what an attribute takes, in the words of the reference.
type Type string

// The types of attributes. Nothing is converted: "3" is no number.
const (
	TypeString      Type = "string"
	TypeBool        Type = "bool"
	TypeInt         Type = "whole number"
	TypeNumber      Type = "number"
	TypeDuration    Type = "duration" // a string of Go's form, such as "2160h"
	TypeStrings     Type = "list of strings"
	TypeFile        Type = "file name"        // relative to the file that says it
	TypeScript      Type = "script"           // JavaScript, never interpolated
	TypeScriptFile  Type = "script file name" // below the configuration
	TypeReference   Type = "reference"
	TypeReferences  Type = "list of references"
	TypeObject      Type = "object"
	TypeRequirement Type = "claim requirements"
	TypeChanges     Type = "changes of claims"         // an object in which null takes away
	TypeTable       Type = "list or object"            // of whatever values
	TypeDenial      Type = "reference or one of words" // of a policy
)

// AttributeDoc is what the language says of one attribute.
type AttributeDoc struct {
	Name       string
	Type       Type
	Doc        string
	Default    string // in words or as written; "" for none
	Unit       string
	Constraint string        // what must hold of the value, in one sentence
	Words      []string      // the only values there are
	Kinds      []engine.Kind // what a reference may lead to
	Required   bool
	Filled     bool // an empty list is refused
	Secret     bool // must not stand in Git as it is
	NoEffect   bool // taken so that it need not be removed
}

// BlockDoc is what the language says of one block.
type BlockDoc struct {
	Name       string
	Labelled   bool
	Single     bool // at most one where it stands
	Doc        string
	Attributes []AttributeDoc
	Blocks     []BlockDoc
	NotYet     bool // refused: a later version brings it
}

// Blocks describes every block of the language, in the order of the reference.
func Blocks() []BlockDoc {
	var docs []BlockDoc
	for _, b := range schemas() {
		docs = append(docs, b.describe())
	}
	return docs
}

// schemas are all blocks that may stand in a file: the one list of them.
func schemas() []*block {
	return []*block{
		serverBlock(), metricsBlock(), decisionLogBlock(), storageBlock(), localsBlock(),
		signingKeyBlock(), certificateBlock(), sourceBlock(), accountBlock(), policyBlock(), mappingBlock(), providerBlock(),
		testBlock(),
	}
}

// attribute is one row of a block's table: what is documented, and the form
// of a value beyond its type.
type attribute struct {
	AttributeDoc
	// check judges a string, or each member of a list of strings.
	check func(string) fault
	// inRange judges a whole number or a duration (in nanoseconds).
	inRange func(int64) fault
	// inBounds judges a number.
	inBounds func(float64) fault
	// texts takes only strings as members of an object.
	texts bool
	// binary takes a file that is no text.
	binary bool
}

// choice is a group of attributes of which at most one may be given, and one
// must be where it is required, unless one of others is.
type choice struct {
	names    []string
	required bool
	unless   []string
}

// block is the table of one block, and how its values become part of a Spec.
type block struct {
	BlockDoc
	attributes []attribute
	choices    []choice
	blocks     []*block
	free       bool // any attribute: locals
	// naming judges a label that is free text; nil where it is a name.
	naming func(string) fault

	byName map[string]*attribute
	inside map[string]*block
	known  []string
	// decode takes the values of one such block at the top of a file.
	decode func(*values, *engine.Spec)
}

// index makes the table quick to use. It is called once per reading, as there
// are no globals.
func (b *block) index() *block {
	b.byName = make(map[string]*attribute, len(b.attributes))
	b.inside = make(map[string]*block, len(b.blocks))
	for i := range b.attributes {
		b.byName[b.attributes[i].Name] = &b.attributes[i]
		b.known = append(b.known, b.attributes[i].Name)
	}
	for _, child := range b.blocks {
		b.inside[child.Name] = child.index()
		b.known = append(b.known, child.Name)
	}
	return b
}

func (b *block) describe() BlockDoc {
	doc := b.BlockDoc
	for _, a := range b.attributes {
		doc.Attributes = append(doc.Attributes, a.AttributeDoc)
	}
	for _, child := range b.blocks {
		doc.Blocks = append(doc.Blocks, child.describe())
	}
	return doc
}

func notYetBlock(name string, labelled bool, doc string) *block {
	return &block{BlockDoc: BlockDoc{Name: name, Labelled: labelled, Doc: doc, NotYet: true}}
}

func noEffect(name, doc string) attribute {
	return attribute{AttributeDoc: AttributeDoc{Name: name, Type: TypeString, Doc: doc, NoEffect: true}}
}

func flag(name, doc string) attribute {
	return attribute{AttributeDoc: AttributeDoc{Name: name, Type: TypeBool, Doc: doc, Default: "false"}}
}
