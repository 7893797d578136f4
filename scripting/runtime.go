package scripting

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	"github.com/m2md/m2md/engine"
)

// The reasons for which an evaluation is cut short.
var (
	errDeadline = errors.New("took longer than its deadline")
	errBudget   = errors.New("took more steps, or made more data, than a policy may")
	errCrowded  = errors.New("is large, and too many large policies were running")
	errRegex    = errors.New("a regular expression took too long")
)

// Evaluate runs the policy in a runtime of its own, see engine.Policy. It
// returns within the deadline of the Options, but for what one native call may
// take beyond it (see the package's comment).
func (p *Program) Evaluate(ctx context.Context, in *engine.PolicyInput) (engine.Verdict, error) {
	var verdict engine.Verdict
	run, err := p.evaluate(ctx, in, nil, func(_ *evaluation, v goja.Value) (err error) {
		verdict.Pass, err = p.decide(v)
		return err
	})
	verdict.Pass = verdict.Pass && err == nil
	if run != nil {
		verdict.Messages, verdict.Log = run.messages, run.log
	}
	return verdict, err
}

// evaluate runs the script and has what it returned taken, all within the
// deadline, or within that of the run that asks for it. It returns the run
// beside any error, but for one that came before there was a run.
func (p *Program) evaluate(ctx context.Context, in *engine.PolicyInput, asking *evaluation, take func(*evaluation, goja.Value) error) (run *evaluation, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = p.recovered(r)
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, p.failed(err)
	}
	run = p.start(ctx, in)
	if asking != nil {
		run.answering(asking)
	}
	defer run.leave()
	timer := time.AfterFunc(time.Until(run.deadline), func() { run.rt.Interrupt(errDeadline) })
	defer timer.Stop()

	value, raised := run.call()
	var refused error
	if raised == nil {
		refused = take(run, value)
	}
	switch {
	case run.stopped != nil: // a native noticed, whatever became of the script after that
		return run, p.failed(run.stopped)
	case time.Now().After(run.deadline): // a native call outlasted the interrupt
		return run, p.failed(errDeadline)
	case raised != nil:
		err := p.thrown(run, raised)
		if run.stopped != nil { // while what was thrown was read
			return run, p.failed(run.stopped)
		}
		return run, err
	default:
		return run, refused
	}
}

// evaluation is one run of a policy: a runtime that nobody else has, and what
// it has left to spend.
type evaluation struct {
	*Program
	rt       *goja.Runtime
	base     *goja.Object // the global object as goja made it
	ctx      context.Context
	in       *engine.PolicyInput
	deadline time.Time
	left     int            // of the budget
	next     int            // when so little is left, shift
	unread   int            // units since spend looked at the clock
	guarded  bool           // every native is
	place    bool           // it has one of the Compiler's places
	forget   func() bool    // ends the watch over the request; nil before there is one
	stopped  error          // why a native stopped the run
	made     map[string]int // sizes of the automata of patterns that it made
	raised   goja.Value     // what the script itself threw last
	jwt      goja.Value     // once it was read

	messages, log []string                // what was told by the helpers of that name
	compiled      map[patternKey]*matcher // by the helpers, while it runs
	asking        *evaluation             // the run that waits for this one; nil for none
}

// start makes the runtime. A fresh one costs less than a microsecond; a pooled
// one would carry changed prototypes, and late interrupts, into the next run.
func (p *Program) start(ctx context.Context, in *engine.PolicyInput) *evaluation {
	rt := goja.New()
	run := &evaluation{
		Program: p, rt: rt, base: rt.GlobalObject(), ctx: ctx, in: in,
		deadline: time.Now().Add(p.opts.Deadline), left: budget, next: budget - watched,
	}
	rt.SetMaxCallStackSize(p.callDepth)
	rt.SetParserOptions(parser.WithDisableSourceMaps)
	run.guard()
	rt.SetGlobalObject(rt.NewDynamicObject(&globals{run: run}))
	return run
}

// call runs the policy, within its wrapper where it needs one.
func (run *evaluation) call() (goja.Value, error) {
	if thrown := run.rt.Try(func() { run.use(run.weight) }); thrown != nil {
		return nil, thrown
	}
	fn, err := run.rt.RunProgram(run.code)
	if err == nil && len(run.calls) > 0 {
		bind, _ := goja.AssertFunction(fn)
		fn, err = bind(goja.Undefined(), run.meter(), run.function(keyName, run.key), run.function(spreadName, run.elements), run.function(coverName, run.cover))
	}
	if err != nil {
		return nil, err
	}
	policy, _ := goja.AssertFunction(fn)
	return policy(goja.Undefined(), run.request(), run.inputsObject())
}

func (run *evaluation) meter() goja.Value {
	if !run.calls[meterName] {
		return goja.Undefined()
	}
	return goja.NewSharedDynamicArray((*meter)(run))
}

// function is made only where the program calls it: it costs more than the
// rest of a simple policy.
func (run *evaluation) function(name string, fn native) goja.Value {
	if !run.calls[name] {
		return goja.Undefined()
	}
	return run.rt.ToValue(fn)
}

// decide takes the boolean true for true and the boolean false for false.
// What is merely truthy, such as new Boolean(false), is a mistake.
func (p *Program) decide(v goja.Value) (bool, error) {
	if _, object := v.(*goja.Object); !object && v != nil {
		if b, ok := v.Export().(bool); ok {
			return b, nil
		}
	}
	return false, fmt.Errorf("%s %s returned %s instead of true or false", p.source.what, p.source.label, kindOf(v))
}

// kindOf names the type of a value, never the value.
func kindOf(v goja.Value) string {
	switch {
	case v == nil || goja.IsUndefined(v):
		return "nothing (undefined)"
	case goja.IsNull(v):
		return "null"
	case goja.IsString(v):
		return "a string"
	case goja.IsNumber(v):
		return "a number"
	}
	object, ok := v.(*goja.Object)
	if !ok {
		if _, yes := v.Export().(bool); yes {
			return "a boolean"
		}
		return "a symbol"
	}
	switch object.ClassName() {
	case "Function":
		return "a function"
	case "Array":
		return "an array"
	case "Boolean":
		return "a Boolean object"
	default:
		return "an object"
	}
}

// failed says in one line that the policy came to no answer.
func (p *Program) failed(err error) error {
	return fmt.Errorf("%s %s (%s) was stopped: %w", p.source.what, p.source.label, p.source.At, err)
}

// recovered turns a panic into an error: one policy must not end the daemon.
func (p *Program) recovered(r any) error {
	var interrupted *goja.InterruptedError
	if err, ok := r.(error); ok && errors.As(err, &interrupted) {
		if reason, ok := interrupted.Value().(error); ok {
			return p.failed(reason)
		}
	}
	stack := string(debug.Stack())
	if strings.Contains(stack, "goja.(*Object).ordinaryToPrimitive") {
		// What a script sees of a request has no runtime, so that goja panics where
		// it means to throw a TypeError.
		return fmt.Errorf("%s %s (%s) failed: an object of the request stands where text or a number is wanted", p.source.what, p.source.label, p.source.At)
	}
	place := ""
	for line := range strings.Lines(stack) {
		if strings.Contains(line, "/goja") && strings.Contains(line, ".go:") {
			place = " in " + oneLine(strings.TrimSpace(line))
			break
		}
	}
	return fmt.Errorf("%s %s (%s) failed: the script engine panicked%s", p.source.what, p.source.label, p.source.At, place)
}

// thrown says what ended the script, and where.
func (p *Program) thrown(run *evaluation, err error) error {
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	var exception *goja.Exception
	switch {
	case errors.As(err, &interrupted):
		if reason, ok := interrupted.Value().(error); ok {
			return p.failed(reason)
		}
		return p.failed(errDeadline)
	case errors.As(err, &overflow):
		return p.failed(fmt.Errorf("calls nested more than %d deep", p.opts.MaxCallDepth))
	case errors.As(err, &exception):
		message := oneLine(run.message(exception))
		return fmt.Errorf("%s %s threw %s at %s", p.source.what, p.source.label, message, p.place(exception))
	default:
		return p.failed(err)
	}
}

// message is what was thrown, as text. It is read while the deadline still
// runs, as reading may call into the script.
func (run *evaluation) message(exception *goja.Exception) (message string) {
	value := exception.Value()
	object, ok := value.(*goja.Object)
	if !ok {
		message = value.String()
	} else if run.rt.Try(func() { message = run.errorText(object) }) != nil || message == "" {
		message = kindOf(value)
	}
	if run.raised == nil || !run.raised.SameAs(value) {
		message = run.redact(message) // goja's own messages quote values
	}
	return message + hint(message)
}

func (run *evaluation) errorText(object *goja.Object) string {
	text := func(name string) string {
		if v := object.Get(name); v != nil && goja.IsString(v) {
			return v.String()
		}
		return ""
	}
	name, message := text("name"), text("message")
	if name == "" || message == "" {
		return name + message
	}
	return name + ": " + message
}

// redact takes the request's own values out of a message that the script did
// not write.
func (run *evaluation) redact(message string) string {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) > 2 && len(v) <= len(message) {
				message = strings.ReplaceAll(message, v, "…")
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(map[string]any(run.in.JWT))
	walk(run.in.User.Attributes)
	walk(run.inputs)
	walk(run.in.HTTP.Path)
	return message
}

// place is where the innermost part of the script stood that took part.
func (p *Program) place(exception *goja.Exception) string {
	for _, frame := range exception.Stack() {
		if at := frame.Position(); at.Line > 0 {
			place := p.source.rangeAt(p.source.offset(at), 0)
			return fmt.Sprintf("%s:%d:%d", place.File, place.Start.Line, place.Start.Column)
		}
	}
	return p.source.At.String()
}

// hint explains a name that other places have and a policy has not.
func hint(message string) string {
	name, ok := strings.CutSuffix(strings.TrimPrefix(message, "ReferenceError: "), " is not defined")
	if !ok {
		return ""
	}
	switch name {
	case "None":
		return " (write null)"
	case "True", "False":
		return " (write " + strings.ToLower(name) + ")"
	case "eval", "Function":
		return " (a policy cannot make code out of strings)"
	case "Promise", "setTimeout", "setInterval", "queueMicrotask":
		return " (a policy runs to its end at once)"
	case "fetch", "XMLHttpRequest", "require", "process":
		return " (a policy sees only request and inputs)"
	case "console":
		return " (write message(text) or log(text))"
	default:
		return pythonHint(name)
	}
}

// pythonHint says what authentik's names are here.
func pythonHint(name string) string {
	here := map[string]string{
		"regex_match": "regexMatch(text, pattern), of the whole text", "regex_replace": "regexReplace(text, pattern, with)",
		"list_flatten": "listFlatten(value)", "ip_address": "ipInNetwork(ip, networks)", "ip_network": "ipInNetwork(ip, networks)",
		"ak_message": "message(text)", "ak_logger": "log(text)", "ak_call_policy": `callPolicy("LABEL")`,
		"ak_is_group_member": "isGroupMember(group)", "ak_client_ip": "request.client_ip",
		"context": "request.context", "http_request": "request.http",
	}[name]
	if here == "" {
		return ""
	}
	return " (write " + here + ")"
}
