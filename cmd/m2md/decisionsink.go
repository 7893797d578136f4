package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// decisionSink is where the lines of the decision log go. Write gets whole lines
// and is called by one goroutine; what it did not write, by its count, is given
// to it again.
type decisionSink interface {
	io.Writer
	io.Closer
}

// openDecisionSink opens what a decision_log block chooses; stdout is given.
func openDecisionSink(l engine.DecisionLog, stdout io.Writer) (decisionSink, error) {
	switch l.Output {
	case engine.LogToFile:
		return openDecisionFile(decisionFile{path: l.Path, most: int64(l.MaxSize) << 20, keep: l.Keep, keepFor: l.KeepFor, now: time.Now})
	case engine.LogToSyslog:
		return openSyslog(l.Syslog)
	default:
		return &unclosed{stdout}, nil
	}
}

// sinkChanged says whether another sink is to be opened.
func sinkChanged(a, b engine.DecisionLog) bool {
	return a.Output != b.Output || a.Path != b.Path || a.MaxSize != b.MaxSize || a.Keep != b.Keep || a.KeepFor != b.KeepFor || a.Syslog != b.Syslog
}

// openDecisionLog begins to record decisions where the files say so. Those that
// are refused anyway choose nothing.
func (d *Daemon) openDecisionLog(loaded *hcl.Loaded) error {
	chosen := chosenLog(loaded)
	sink, err := openDecisionSink(chosen, d.stdout())
	if err != nil {
		return err
	}
	d.audit = newAuditLog(sink, formOf(chosen), d.auditFailed)
	d.closers = append(d.closers, d.audit.Close)
	return nil
}

// stdout is where decisions go that no file sends elsewhere.
func (d *Daemon) stdout() io.Writer {
	if d.opts.Audit == nil {
		return io.Discard
	}
	return d.opts.Audit
}

// chosenLog is the decision_log of files that may come to serve, and the default
// for others.
func chosenLog(loaded *hcl.Loaded) engine.DecisionLog {
	chosen := loaded.Spec.DecisionLog
	if loaded.Findings.Err() != nil || chosen.Output == engine.LogToFile && chosen.Path == "" {
		return engine.DecisionLog{}
	}
	return chosen
}

// nextSink opens the sink that files choose, where it is another than that of
// what serves; nil where it is not. What cannot be opened is a fault of the files.
func (d *Daemon) nextSink(loaded *hcl.Loaded) (decisionSink, engine.Findings) {
	next := chosenLog(loaded)
	if loaded.Findings.Err() != nil || !sinkChanged(d.spec.DecisionLog, next) {
		return nil, nil
	}
	sink, err := openDecisionSink(next, d.stdout())
	if err != nil {
		d.log.Error("the decision log of a refused reload cannot be opened", "err", err)
		attribute := map[string]string{engine.LogToFile: "path", engine.LogToSyslog: "syslog"}[next.Output]
		return nil, engine.Findings{{
			Summary: "decisions cannot be recorded there", Detail: "The daemon tried, and could not. Its log has the reason, as this may be a value that is not to be shown.",
			At: next.AttrAt(attribute),
		}}
	}
	return sink, nil
}

// unclosed is a sink that somebody else owns.
type unclosed struct{ io.Writer }

// Close leaves it open.
func (*unclosed) Close() error { return nil }

// decisionFile is a file of lines that begins anew where it becomes too large,
// or where somebody has moved it away. Only its owner can read it.
type decisionFile struct {
	path    string
	most    int64         // bytes
	keep    int           // old files
	keepFor time.Duration // their age; 0 for no bound
	now     func() time.Time

	file *os.File
	size int64
	torn bool // it was found to end in the middle of a line
	half bool // what is to be written next is the rest of a line
}

// rotatedForm is what stands behind the name of an old file: when it ended, in
// UTC, so that names sort by time.
const rotatedForm = "20060102T150405.000000000Z"

func openDecisionFile(f decisionFile) (*decisionFile, error) {
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("opening the decision log: %w", err)
	}
	f.prune()
	return &f, nil
}

// open opens the file at path. Where it ends in the middle of a line, as after a
// loss of power, that is ended: it shall spoil no other.
func (f *decisionFile) open() error {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", f.path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size, f.torn = file, info.Size(), false
	if f.size == 0 {
		return nil
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, f.size-1); err != nil {
		return errors.Join(err, file.Close())
	}
	f.torn = last[0] != '\n'
	return nil
}

// Write appends lines. It begins another file before one that would be too
// large, and after somebody moved this one away.
func (f *decisionFile) Write(lines []byte) (int, error) {
	if err := f.settle(int64(len(lines))); err != nil {
		return 0, err
	}
	if f.torn {
		if _, err := f.file.Write([]byte("\n")); err != nil {
			return 0, err
		}
		f.torn = false
	}
	n, err := f.file.Write(lines)
	if n > 0 {
		f.half = lines[n-1] != '\n'
	}
	return n, err
}

// settle sees that lines of that size can be written where they belong.
func (f *decisionFile) settle(more int64) error {
	if f.file != nil {
		there, err := os.Stat(f.path)
		switch own, errOwn := f.file.Stat(); {
		case err == nil && errOwn == nil && os.SameFile(there, own):
			f.size = own.Size() // somebody may have cut it
			if f.size == 0 || f.half || f.size+more <= f.most {
				return nil
			}
			if err := os.Rename(f.path, f.path+"-"+f.now().UTC().Format(rotatedForm)); err != nil {
				return err
			}
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := f.close(); err != nil {
			return err
		}
	}
	if err := f.open(); err != nil {
		return err
	}
	f.prune()
	return nil
}

// close makes durable what was written.
func (f *decisionFile) close() error {
	file := f.file
	f.file = nil
	return errors.Join(file.Sync(), file.Close())
}

// Close ends the file.
func (f *decisionFile) Close() error {
	if f.file == nil {
		return nil
	}
	return f.close()
}

// prune deletes old files that are too many or too old. What cannot be deleted
// is tried again with the next.
func (f *decisionFile) prune() {
	old, err := rotatedFiles(f.path)
	if err != nil {
		return
	}
	slices.Reverse(old) // the newest first
	for i, one := range old {
		if i >= f.keep || f.keepFor > 0 && f.now().Sub(one.ended) > f.keepFor {
			os.Remove(one.path) //nolint:errcheck // as said above
		}
	}
}

// rotatedFile is an old file of a decision log.
type rotatedFile struct {
	path  string
	ended time.Time
}

// rotatedFiles are the old files of a decision log, the oldest first.
func rotatedFiles(path string) ([]rotatedFile, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var all []rotatedFile
	for _, entry := range entries { // by name, and so by time
		rest, is := strings.CutPrefix(entry.Name(), filepath.Base(path)+"-")
		if !is || !entry.Type().IsRegular() {
			continue
		}
		if ended, err := time.Parse(rotatedForm, rest); err == nil {
			all = append(all, rotatedFile{filepath.Join(filepath.Dir(path), entry.Name()), ended})
		}
	}
	return all, nil
}
