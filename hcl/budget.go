package hcl

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxComputed bounds what all expressions of a reading may make, in about
// bytes. What a single call may make is bounded besides; this is for many
// calls, and for loops in loops. A configuration of 10,000 accounts that is
// made by one loop takes a tenth of it.
const maxComputed = 64 << 20

// stepCost is what a call or a turn of a loop takes beyond what it makes.
const stepCost = 64

// chargeName is the function that stands around the parts of each loop. No
// author can write it.
const chargeName = "\x00charge"

// budget is what is left to be computed in one reading.
type budget struct{ left int }

// spend takes off what a value took, and fails where too little is left.
func (b *budget) spend(v cty.Value, dear int) error {
	b.left -= stepCost + dear*width(v)
	return b.check()
}

func (b *budget) check() error {
	if b.left > 0 {
		return nil
	}
	return &callError{"too much is computed", fmt.Sprintf("All expressions together may make at most %d MiB. Write values out, or use fewer loops in loops.", maxComputed>>20)}
}

// width is about how many bytes a value takes, without what its members take:
// those were made, and paid for, before.
func width(v cty.Value) int {
	v, _ = v.Unmark()
	switch {
	case !v.IsKnown() || v.IsNull():
		return 0
	case v.Type() == cty.String:
		return len(v.AsString())
	case v.CanIterateElements():
		return 16 * v.LengthInt()
	default:
		return 0
	}
}

// rangeCost is how much dearer a member of range is than one of a list that is
// written out: cty counts with numbers of any size.
const rangeCost = 20

// lookShare is how much cheaper it is to look at a value than to make it.
const lookShare = 4

// metered is f, paying for what it makes, which is so many times as dear as it
// is wide.
func (b *budget) metered(f function.Function, dear int) function.Function {
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := b.check(); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, arg := range args { // cty looks through all of them, however deep they are
				b.left -= sizeOf(arg) / lookShare
			}
			if err := b.check(); err != nil {
				return cty.NilVal, err
			}
			v, err := f.Call(args)
			if err == nil {
				err = b.spend(v, dear)
			}
			return v, err
		},
	})
}

// charge gives back its argument, which is paid for.
func (b *budget) charge() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), b.spend(args[0], 1) },
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0], nil },
	})
}

// chargeLoops has each turn of each loop pay: for the value that it makes, and
// for what it is made from. The wrapping is a call like any other, so that what
// walks expressions sees through it.
func chargeLoops(body *hclsyntax.Body) {
	hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		if loop, ok := node.(*hclsyntax.ForExpr); ok {
			loop.CollExpr, loop.ValExpr = charged(loop.CollExpr), charged(loop.ValExpr)
		}
		return nil
	})
}

func charged(expr hclsyntax.Expression) hclsyntax.Expression {
	at := expr.Range()
	return &hclsyntax.FunctionCallExpr{
		Name: chargeName, Args: []hclsyntax.Expression{expr},
		NameRange: at, OpenParenRange: at, CloseParenRange: at,
	}
}
