package hcl

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/m2md/m2md/engine"
)

// Written is a hash of how a value is written, that of the locals it uses
// included, and of nothing that it comes to.
type Written [sha256.Size]byte

// beyond says of a sealed reading that what a name leads to is not to be had,
// and to be taken as unknown: it lies outside of the folder, where whatever is
// or is not there is the reader's own, or among what Git keeps for itself.
func (e *evaluator) beyond(abs string) bool {
	if !e.sealed {
		return false
	}
	real, err := confined(abs, e.roots)
	// Whatever the error is: which one depends on what is there.
	return err != nil || ofGit(abs) || ofGit(real)
}

// ofGit says whether a path leads into a .git folder, which on runners holds
// the token that the repository was fetched with.
func ofGit(path string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(part string) bool { return strings.EqualFold(part, ".git") })
}

// sealedEnv stands in the place of the environment, where nothing is set that
// could be told from what is not.
func sealedEnv(string) (string, bool) { return "", false }

// lookupOf is what env() asks.
func lookupOf(o Options) func(string) (string, bool) {
	switch {
	case o.Sealed:
		return sealedEnv
	case o.LookupEnv != nil:
		return o.LookupEnv
	default:
		return os.LookupEnv
	}
}

// written hashes how an expression is written. White space and comments count
// for nothing, and a local for what it is written as.
func (e *evaluator) written(src *source, expr hcl.Expression) Written {
	if name, ok := soleLocal(expr); ok && e.locals[name] != nil {
		return e.writtenLocal(e.locals[name])
	}
	sum := sha256.New()
	at := expr.Range()
	text := src.content[min(at.Start.Byte, len(src.content)):min(at.End.Byte, len(src.content))]
	tokens, _ := hclsyntax.LexExpression(text, "", hcl.InitialPos)
	for _, tok := range tokens {
		if tok.Type != hclsyntax.TokenNewline && tok.Type != hclsyntax.TokenComment {
			frame(sum, tok.Bytes)
		}
	}
	uses, _ := (&evaluator{found: new(findings), locals: e.locals, scope: e.scope}).usage(expr)
	for _, name := range uses.locals {
		of := e.writtenLocal(e.locals[name])
		frame(sum, []byte(name), of[:])
	}
	return Written(sum.Sum(nil))
}

// writtenLocal is that of a local, worked out once. A circle of locals, which
// is told of elsewhere, has none.
func (e *evaluator) writtenLocal(one *local) Written {
	if one.written == nil {
		one.written = new(Written)
		*one.written = e.written(one.source, one.expr)
	}
	return *one.written
}

// soleLocal is the name of the local that an expression is.
func soleLocal(expr hcl.Expression) (string, bool) {
	traversal, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() || len(traversal) != 2 || traversal.RootName() != "local" {
		return "", false
	}
	return stepName(traversal[1])
}

// unknownAt notes how a value is written that is not known.
func (d *decoder) unknownAt(src *source, at engine.Range, expr hcl.Expression) {
	if !d.eval.sealed {
		return
	}
	if d.unknown == nil {
		d.unknown = make(map[engine.Range]Written)
	}
	d.unknown[at] = d.eval.written(src, expr)
}
