package hcl

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteJSONSchema writes the JSON Schema (draft 7, which editors know) of
// configurations in JSON syntax, *.hcl.json, for what generates them and for
// editors. What it takes may have faults that only validate finds; what it
// refuses, validate refuses.
func WriteJSONSchema(w io.Writer) error {
	root := objectSchema(schemas())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "m2md configuration"
	root["description"] = "A file *.hcl.json. A string that holds ${…} is an expression, and $${ stands for ${."
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(root)
}

// jsonSchema is a JSON Schema, or a part of one.
type jsonSchema map[string]any

// objectSchema is that of an object whose members are blocks.
func objectSchema(blocks []*block) jsonSchema {
	properties := map[string]any{"//": jsonSchema{"description": "A comment."}}
	for _, b := range blocks {
		if !b.NotYet {
			properties[b.Name] = b.membership()
		}
	}
	return jsonSchema{"type": "object", "properties": properties, "additionalProperties": false}
}

// membership is the schema of what stands under the name of a block: the blocks
// by their labels where they have some. Several of one name may stand in a list.
func (b *block) membership() jsonSchema {
	one := severalOf(b.schema())
	if b.Single {
		one = b.schema()
	}
	if !b.Labelled {
		return one
	}
	labelled := jsonSchema{"type": "object", "additionalProperties": one}
	if b.naming == nil {
		labelled["propertyNames"] = jsonSchema{"pattern": fmt.Sprintf("^([a-z][a-z0-9_-]{0,%d}|//)$", maxLabel-1)}
	}
	return severalOf(labelled)
}

// severalOf takes one of something, or a list of them.
func severalOf(one jsonSchema) jsonSchema {
	return jsonSchema{"anyOf": []jsonSchema{one, {"type": "array", "items": one}}}
}

func (b *block) schema() jsonSchema {
	if b.free {
		return jsonSchema{"type": "object", "description": b.Doc}
	}
	s := objectSchema(b.blocks)
	s["description"] = b.Doc
	properties := s["properties"].(map[string]any)
	var required []string
	for _, a := range b.attributes {
		properties[a.Name] = a.schema()
		if a.Required {
			required = append(required, a.Name)
		}
	}
	if required != nil {
		s["required"] = required
	}
	if of := b.choiceSchemas(); of != nil {
		s["allOf"] = of
	}
	return s
}

// choiceSchemas ask for one attribute of each group that needs one, and refuse
// two of any.
func (b *block) choiceSchemas() (all []jsonSchema) {
	for _, c := range b.choices {
		var either []jsonSchema
		for i, name := range c.names {
			either = append(either, jsonSchema{"required": []string{name}})
			for _, other := range c.names[:i] {
				all = append(all, jsonSchema{"not": jsonSchema{"required": []string{name, other}}})
			}
		}
		for _, name := range c.unless {
			either = append(either, jsonSchema{"required": []string{name}})
		}
		if c.required {
			all = append(all, jsonSchema{"anyOf": either})
		}
	}
	return all
}

// schema is that of an attribute's value. Whatever it is, an expression may
// stand for it, but for scripts.
func (a *attribute) schema() jsonSchema {
	s := a.valueSchema()
	if a.Type != TypeScript && s["type"] != "string" {
		s = jsonSchema{"anyOf": []jsonSchema{s, expressionSchema()}}
	}
	s["description"] = a.describe()
	return s
}

// expressionSchema is that of a string that is one expression.
func expressionSchema() jsonSchema { return jsonSchema{"type": "string", "pattern": `^\$\{[\s\S]*\}$`} }

// valueSchema is that of a value as it is written out.
func (a *attribute) valueSchema() jsonSchema {
	switch a.Type {
	case TypeBool:
		return jsonSchema{"type": "boolean"}
	case TypeInt:
		return jsonSchema{"type": "integer"}
	case TypeNumber:
		return jsonSchema{"type": "number"}
	case TypeStrings:
		return a.listOf(a.words())
	case TypeReferences:
		return a.listOf(a.references())
	case TypeReference:
		return a.references()
	case TypeObject, TypeRequirement, TypeChanges:
		return jsonSchema{"type": "object"}
	case TypeTable:
		return jsonSchema{"type": []string{"array", "object"}}
	case TypeDenial:
		return jsonSchema{"anyOf": []jsonSchema{a.references(), a.words()}}
	default:
		return a.words()
	}
}

func (a *attribute) listOf(item jsonSchema) jsonSchema {
	list := jsonSchema{"type": "array", "items": item}
	if a.Filled {
		list["minItems"] = 1
	}
	return list
}

// words is a string, where need be one of those that there are.
func (a *attribute) words() jsonSchema {
	if len(a.Words) == 0 {
		return jsonSchema{"type": "string"}
	}
	return jsonSchema{"type": "string", "anyOf": []jsonSchema{{"enum": a.Words}, {"pattern": `[$%]\{`}}}
}

// references is a string that names something of the kinds that there may be.
func (a *attribute) references() jsonSchema {
	kinds := make([]string, len(a.Kinds))
	for i, kind := range a.Kinds {
		kinds[i] = string(kind)
	}
	return jsonSchema{"type": "string", "pattern": fmt.Sprintf(`^(%s)\.[a-z][a-z0-9_-]*$|^\$\{[\s\S]*\}$`, strings.Join(kinds, "|"))}
}

// describe is all that there is to say of an attribute, in sentences.
func (a *attribute) describe() string {
	said := []string{a.Doc}
	if a.Constraint != "" {
		said = append(said, a.Constraint)
	}
	if a.Default != "" {
		said = append(said, "Default: "+a.Default+".")
	}
	if a.Unit != "" {
		said = append(said, "Unit: "+a.Unit+".")
	}
	return strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), " ")
}
