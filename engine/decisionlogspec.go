package engine

import (
	"fmt"
	"time"
)

// DecisionLog says where decisions are recorded, and how much of them. The zero
// value of its Decl stands for the default: all of them, on stdout.
type DecisionLog struct {
	Decl
	Output  string        // LogToStdout (also for ""), LogToFile or LogToSyslog
	Path    string        // of the file, absolute
	MaxSize int           // of the file, MiB
	Keep    int           // how many old files
	KeepFor time.Duration // how long; 0 for no bound
	Syslog  string        // unix:///PATH or tcp://HOST:PORT; "" for the machine's own
	// SampleAllow is the share of the decisions that let in which is recorded.
	SampleAllow float64
	OmitInput   bool     // what decisions were made on is not recorded
	OmitClaims  []string // and these claims of it are not
}

// The outputs of the decision log.
const (
	LogToStdout = "stdout"
	LogToFile   = "file"
	LogToSyslog = "syslog"
)

// decisionLog checks what belongs together.
func (c *compiler) decisionLog() {
	l := c.spec.DecisionLog
	if l.Unknown["output"] || l.At == (Range{}) {
		return
	}
	if l.Output == LogToFile && !l.Has("path") {
		c.fault(l.At, `"path" is missing`, `With output = "file", write the absolute path of the file.`)
	}
	for _, of := range []struct{ attribute, output string }{
		{"path", LogToFile}, {"max_size", LogToFile}, {"keep", LogToFile}, {"keep_for", LogToFile}, {"syslog", LogToSyslog},
	} {
		if l.Has(of.attribute) && l.Output != of.output {
			c.fault(l.AttrAt(of.attribute), fmt.Sprintf("%q has no effect", of.attribute), "It is for output = %q. Write that, or remove it.", of.output)
		}
	}
}
