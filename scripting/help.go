package scripting

import (
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// helper is a function that a script calls as if the language had it.
type helper struct {
	params []string // as a script's author names them
	rest   bool     // the last of params comes as often as it likes, but once
	// policies: only there, not in mappings.
	policies bool
	run      func(help) goja.Value
}

// helperNames are the helpers, in the order of the documentation. It is never
// changed.
var helperNames = []string{
	"regexMatch", "regexReplace", "glob", "ipInNetwork", "isGroupMember", "slugify", "listFlatten",
	"message", "log", "callPolicy",
}

// Helpers are the names of the functions that scripts have besides those of
// the language.
func Helpers() []string { return append([]string(nil), helperNames...) }

// helperOf finds a helper by its name.
func helperOf(name string) (helper, bool) {
	switch name {
	case "regexMatch":
		return helper{params: []string{"text", "pattern"}, run: regexMatch}, true
	case "regexReplace":
		return helper{params: []string{"text", "pattern", "with"}, run: regexReplace}, true
	case "glob":
		return helper{params: []string{"text", "pattern"}, run: globMatch}, true
	case "ipInNetwork":
		return helper{params: []string{"ip", "networks"}, run: ipInNetwork}, true
	case "isGroupMember":
		return helper{params: []string{"group"}, rest: true, run: isGroupMember}, true
	case "slugify":
		return helper{params: []string{"text"}, run: slugify}, true
	case "listFlatten":
		return helper{params: []string{"value"}, run: listFlatten}, true
	case "message":
		return helper{params: []string{"text"}, policies: true, run: message}, true
	case "log":
		return helper{params: []string{"text"}, policies: true, run: logLine}, true
	case "callPolicy":
		return helper{params: []string{"label"}, run: callPolicy}, true
	default:
		return helper{}, false
	}
}

// takes says how a helper is called.
func (h helper) takes() string {
	list := strings.Join(h.params, ", ")
	if h.rest {
		list += ", …"
	}
	return "(" + list + ")"
}

// fits says whether a helper takes that many arguments.
func (h helper) fits(n int) bool { return n == len(h.params) || h.rest && n > len(h.params) }

// helper is what a script finds under the name of a helper, the same each time;
// nil for another name.
func (g *globals) helper(name string) goja.Value {
	if made, ok := g.helpers[name]; ok {
		return made
	}
	h, ok := helperOf(name)
	if !ok {
		return nil
	}
	run := g.run
	made := run.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		c := help{run: run, name: name, args: call.Arguments}
		run.spend(helperFee)
		if !h.fits(len(c.args)) {
			c.fail("takes %s, and was called with %d arguments", h.takes(), len(c.args))
		}
		if h.policies && run.source.what != whatPolicy {
			c.fail("is for policies: what a mapping says is the claims that it returns")
		}
		return h.run(c)
	})
	if g.helpers == nil {
		g.helpers = map[string]goja.Value{}
	}
	g.helpers[name] = made
	return made
}

// whatPolicy is what a script is that decides, in the words of errors.
const whatPolicy = "policy"

// helperFee is what each call of a helper costs besides its work.
const helperFee = 16

// help is one call of a helper.
type help struct {
	run  *evaluation
	name string
	args []goja.Value
}

// fail throws what is wrong with a call.
func (c help) fail(format string, args ...any) {
	panic(c.run.rt.NewTypeError("%s %s", c.name, fmt.Sprintf(format, args...)))
}

// text is an argument that must be a string. Nothing is converted: what is
// absent, or of another type, is no text, and must not be taken for one.
func (c help) text(i int, what string) string {
	v := c.args[i]
	if !goja.IsString(v) {
		c.fail("wants a string for %s, not %s", what, kindOf(v))
	}
	c.run.spend(sizeOf(v))
	return v.String()
}

// texts are an argument that is a string or a list of them.
func (c help) texts(i int, what string) []string {
	list, ok := c.args[i].(*goja.Object)
	if !ok || list.ClassName() != "Array" {
		return []string{c.text(i, what)}
	}
	n := sizeOf(list)
	c.run.spend(n)
	all := make([]string, n)
	for j := range all {
		item := list.Get(fmt.Sprint(j))
		if item == nil || !goja.IsString(item) {
			c.fail("wants a string, or a list of strings, for %s; the list holds %s", what, kindOf(item))
		}
		c.run.spend(sizeOf(item))
		all[j] = item.String()
	}
	return all
}

// answer is a boolean for the script.
func (c help) answer(yes bool) goja.Value { return c.run.rt.ToValue(yes) }

// made is a string for the script, which is paid for.
func (c help) made(s string) goja.Value {
	c.run.spend(len(s))
	return c.run.rt.ToValue(s)
}

// listFlatten is the first element of a list, null for an empty one, and what
// is no list as it is: authentik's list_flatten.
func listFlatten(c help) goja.Value {
	list, ok := c.args[0].(*goja.Object)
	if !ok || list.ClassName() != "Array" {
		return c.args[0]
	}
	if sizeOf(list) == 0 {
		return goja.Null()
	}
	return list.Get("0")
}

// isGroupMember says whether the user is in any of the groups.
func isGroupMember(c help) goja.Value {
	member := false
	for i := range c.args {
		group := c.text(i, "a group")
		for _, one := range c.run.in.User.Groups {
			member = member || one == group
		}
	}
	return c.answer(member)
}

// maxMessages bounds what a script says besides its answer: so many messages,
// and so many lines of its log, each cut to maxMessage bytes. What comes after
// that is dropped.
const maxMessages = 10

// message tells people of a decision, in the decision log and, where the
// provider allows it, the client.
func message(c help) goja.Value {
	c.run.messages = tell(c.run.messages, c.text(0, "text"))
	return goja.Undefined()
}

// logLine writes for the author of a policy.
func logLine(c help) goja.Value {
	c.run.log = tell(c.run.log, c.text(0, "text"))
	return goja.Undefined()
}

func tell(lines []string, text string) []string {
	if text = strings.TrimSpace(oneLine(text)); text == "" || len(lines) == maxMessages {
		return lines
	}
	return append(lines, text)
}
