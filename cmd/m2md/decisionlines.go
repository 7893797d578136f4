package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// lookAgain is how often a file is looked at for more, and a daemon that is gone
// for whether it is back.
const lookAgain = 200 * time.Millisecond

// maxDecisionLine bounds a line of a decision log, in bytes.
const maxDecisionLine = 1 << 20

// readerLines are the lines of what somebody else opened.
type readerLines struct{ io.Reader }

func (r readerLines) each(_ context.Context, line func([]byte) error) error {
	lines := bufio.NewScanner(r.Reader)
	lines.Buffer(nil, maxDecisionLine)
	for lines.Scan() {
		if err := line(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// logFiles are decision logs, in the order of their names' times.
type logFiles struct {
	paths  []string
	follow bool // of the last
}

// withRotated are a decision log and the files that it was rotated to, the
// oldest first. Of what else stands beside it, nothing is read.
func withRotated(path string) []string {
	old, err := rotatedFiles(path)
	if err != nil {
		return []string{path}
	}
	var all []string
	for _, one := range old {
		all = append(all, one.path)
	}
	return append(all, path)
}

func (l logFiles) each(ctx context.Context, line func([]byte) error) error {
	for i, path := range l.paths {
		if l.follow && i == len(l.paths)-1 {
			return followFile(ctx, path, line)
		}
		if err := readWhole(ctx, path, line); err != nil {
			return err
		}
	}
	return nil
}

func readWhole(ctx context.Context, path string, line func([]byte) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) { // it was pruned meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := (readerLines{file}).each(ctx, line); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// followFile reads a file, and goes on with what comes, over its rotation.
func followFile(ctx context.Context, path string, line func([]byte) error) error {
	f := &followed{path: path, line: line}
	defer f.close()
	for {
		if err := f.read(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// followed is a file that grows, and that another may take the place of.
type followed struct {
	path string
	line func([]byte) error
	file *os.File
	rest []byte // of a line that is not whole yet
}

// read tells what has come. Whether another file is there is asked before this
// one is read to its end: all that was written to it is read.
func (f *followed) read() error {
	for {
		replaced := f.file != nil && f.replaced()
		if err := f.readOn(); err != nil || !replaced {
			return err
		}
		f.close()
	}
}

func (f *followed) readOn() error {
	if f.file == nil {
		file, err := os.Open(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it will be there again
		}
		if err != nil {
			return err
		}
		f.file, f.rest = file, nil
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.file.Read(buffer)
		f.rest = append(f.rest, buffer[:n]...)
		if errTold := f.tell(); errTold != nil {
			return errTold
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.path, err)
		}
	}
}

// tell tells the lines that are whole.
func (f *followed) tell() error {
	for {
		line, rest, whole := bytes.Cut(f.rest, []byte("\n"))
		if !whole {
			if len(f.rest) > maxDecisionLine {
				return fmt.Errorf("reading %s: a line is longer than %d bytes", f.path, maxDecisionLine)
			}
			return nil
		}
		f.rest = rest
		if err := f.line(line); err != nil {
			return err
		}
	}
}

// replaced says whether another file, or none, is where this one was, or whether
// it was cut.
func (f *followed) replaced() bool {
	own, err := f.file.Stat()
	if err != nil {
		return true
	}
	at, errAt := f.file.Seek(0, io.SeekCurrent)
	there, err := os.Stat(f.path)
	return err != nil || !os.SameFile(own, there) || errAt == nil && own.Size() < at
}

func (f *followed) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// daemonLines are what a daemon remembers.
type daemonLines struct {
	client  *serve.AdminClient
	path    string
	follow  bool
	skipped func(uint64)
	told    io.Writer // of a daemon that is gone
}

// each goes on, where it follows, once a daemon that is gone is back.
func (d *daemonLines) each(ctx context.Context, line func([]byte) error) error {
	var fault error
	reader := serve.DecisionReader{Skipped: d.skipped, Each: func(one []byte) error {
		fault = line(one)
		return fault
	}}
	err := reader.Read(ctx, d.client, d.follow)
	if nobodyListens(err) {
		return orNobody(err, d.path)
	}
	gone := false
	for d.follow && fault == nil && ctx.Err() == nil {
		if err != nil && !gone {
			gone = true
			fmt.Fprintf(d.told, "m2md: the daemon is gone; waiting for it\n")
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookAgain):
			err = reader.Read(ctx, d.client, true)
			gone = gone && err != nil
		}
	}
	if d.follow && fault == nil {
		return ctx.Err()
	}
	return err
}
