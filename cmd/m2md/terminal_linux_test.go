package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command whose stdout is a terminal of a width, and returns
// what that is sent.
func onTerminal(t *testing.T, columns uint16, args ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("left out: no terminal is to be had: %v", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("left out: no terminal is to be had: %v", err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	run(append([]string{"m2md"}, args...), terminal, &stderr)
	sent := make([]byte, 64<<10)
	n, err := master.Read(sent)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(sent[:n]), "\r\n", "\n")
}

// On a terminal, findings have colours, unless NO_COLOR says otherwise, and no
// line of words is longer than it is wide.
func TestFindingsFitTheTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.hcl")
	writeFile(t, path, "provider \"loki\" {\n  lable = \"x\"\n}\n")
	t.Chdir(filepath.Dir(path))
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if sent := onTerminal(t, 50, "validate"); !strings.Contains(sent, "\x1b[1;31merror:") {
		t.Errorf("no colours: %q", sent)
	}
	for _, none := range []string{"NO_COLOR", "TERM"} {
		t.Run("without colours by "+none, func(t *testing.T) {
			t.Setenv(none, map[string]string{"NO_COLOR": "1", "TERM": "dumb"}[none])
			sent := onTerminal(t, 50, "validate")
			if strings.Contains(sent, "\x1b") || !strings.Contains(sent, "error:") {
				t.Errorf("colours: %q", sent)
			}
			for line := range strings.Lines(sent) {
				if len(strings.TrimRight(line, "\n")) > 50 {
					t.Errorf("longer than the terminal: %q", line)
				}
			}
		})
	}
}
