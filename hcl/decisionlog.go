package hcl

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

func decisionLogBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "decision_log", Single: true,
			Doc: "Where decisions are recorded, and how much of them. Without it, each is one line of JSON on stdout. A change is followed by a reload, and loses no record.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "output", Type: TypeString, Default: "stdout", Words: []string{engine.LogToStdout, engine.LogToFile, engine.LogToSyslog}, Doc: "Where records go."}},
			{AttributeDoc: AttributeDoc{Name: "path", Type: TypeString, Doc: "The file, with output = \"file\". Only its owner can read it. Where something else moves it away, as logrotate does, a new one is begun.", Constraint: "An absolute path."}, check: checkAbsolute},
			{AttributeDoc: AttributeDoc{Name: "max_size", Type: TypeInt, Default: "100", Unit: "MiB", Doc: "How large the file may become before another is begun; the old one is renamed to PATH-TIME.", Constraint: "Between 1 and 100000."}, inRange: within(1, 100_000)},
			{AttributeDoc: AttributeDoc{Name: "keep", Type: TypeInt, Default: "10", Doc: "How many old files are kept; the oldest are deleted.", Constraint: "Between 0 and 10000."}, inRange: within(0, 10_000)},
			{AttributeDoc: AttributeDoc{Name: "keep_for", Type: TypeDuration, Default: "no bound", Doc: "How long old files are kept. The age is judged whenever a file is begun.", Constraint: "1h or more."}, inRange: atLeast(time.Hour)},
			{AttributeDoc: AttributeDoc{Name: "syslog", Type: TypeString, Default: "unix:///dev/log", Doc: "The receiver, with output = \"syslog\": the machine's own by unix://, in the form that syslog(3) writes; another by tcp://, in the form of RFC 5424, counted as in RFC 6587. UDP is refused, as it loses records without telling.", Constraint: "unix:///PATH or tcp://HOST:PORT."}, check: checkSyslog},
			{AttributeDoc: AttributeDoc{Name: "sample_allow", Type: TypeNumber, Default: "1", Doc: "Which share of the decisions that let in is recorded, chosen by the request id. What does not let in is always recorded, and metrics count all.", Constraint: "Between 0 and 1."}, inBounds: checkShare},
			{AttributeDoc: AttributeDoc{Name: "record_input", Type: TypeBool, Default: "true", Doc: "Whether the claims, scopes and requests that decisions were made on are recorded, so that `m2md explain` and `m2md plan` can make them again. They hold no secret, but may tell of people."}},
			{AttributeDoc: AttributeDoc{Name: "omit_claims", Type: TypeStrings, Doc: "The names of claims that are not recorded, such as those that tell of people."}, check: notEmpty},
		},
		decode: func(v *values, spec *engine.Spec) { spec.DecisionLog = decodeDecisionLog(v) },
	}
}

func decodeDecisionLog(v *values) engine.DecisionLog {
	log := engine.DecisionLog{
		Decl: v.decl, Output: v.str("output"), Path: v.str("path"), Syslog: v.str("syslog"),
		MaxSize: 100, Keep: 10, KeepFor: v.duration("keep_for"), SampleAllow: 1,
		OmitInput: v.decl.Has("record_input") && !v.boolean("record_input"), OmitClaims: v.strs("omit_claims"),
	}
	if v.decl.Has("max_size") {
		log.MaxSize = v.whole("max_size")
	}
	if v.decl.Has("keep") {
		log.Keep = v.whole("keep")
	}
	if v.decl.Has("sample_allow") {
		log.SampleAllow = get[float64](v, "sample_allow")
	}
	return log
}

func checkAbsolute(path string) fault {
	if !strings.HasPrefix(path, "/") && !isWindowsRoot(path) {
		return fault{summary: "is no absolute path", detail: "Where the daemon is started from must not decide where records go. Write it from the root."}
	}
	return fault{}
}

// isWindowsRoot says whether a path begins at a drive.
func isWindowsRoot(path string) bool {
	return len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
}

func checkSyslog(address string) fault {
	u, err := url.Parse(address)
	bad := fault{summary: "is no address of a syslog receiver", detail: "Write unix:///dev/log for the machine's own, or tcp://HOST:PORT for another."}
	switch {
	case err != nil:
		return bad
	case u.Scheme == "udp":
		return fault{summary: "is over UDP", detail: "UDP loses records without telling, and no decision is to be lost. Write tcp://HOST:PORT, or unix:///dev/log and have that pass them on."}
	case u.Scheme == "unix" && u.Host == "" && u.Path != "" && u.RawQuery == "" && u.Fragment == "":
		return fault{}
	case u.Scheme == "tcp" && u.Hostname() != "" && u.Port() != "" && u.Path == "" && u.RawQuery == "" && u.User == nil && u.Fragment == "":
		return fault{}
	}
	return bad
}

func checkShare(share float64) fault {
	if !(share >= 0 && share <= 1) {
		return fault{summary: "is no share", detail: "Write a number between 0 and 1, such as 0.1 for a tenth."}
	}
	return fault{}
}

// within judges a whole number by its bounds.
func within(from, to int64) func(int64) fault {
	return func(n int64) fault {
		if n < from || n > to {
			return fault{summary: "is out of range", detail: fmt.Sprintf("It must be between %d and %d.", from, to)}
		}
		return fault{}
	}
}

// atLeast judges a duration by its lower bound.
func atLeast(from time.Duration) func(int64) fault {
	return func(nanoseconds int64) fault {
		if time.Duration(nanoseconds) < from {
			return fault{summary: "is out of range", detail: fmt.Sprintf("It must be %s or more.", from)}
		}
		return fault{}
	}
}
