package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage/bolt"
	"github.com/m2md/m2md/storage/storagetest"
)

// childPath names the storage that this test binary, run as a child, writes to.
const childPath = "M2MD_TEST_CHILD_STORAGE"

// TestMain makes the test binary a process that owns a storage and writes to
// it until it is killed, telling each record that was acknowledged.
func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeUntilKilled(path string) error {
	s, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		return err
	}
	for i := range 100_000 {
		id := fmt.Sprintf("id-%06d", i)
		if err := s.CreateAppPassword(context.Background(), storagetest.Password(id, "prometheus")); err != nil {
			return err
		}
		fmt.Println(id)
	}
	return errors.New("nobody killed me")
}

// startChild starts a process that owns the storage, and returns the lines that
// it writes. It is killed with the test.
func startChild(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, bufio.NewScanner(out)
}

func TestWhatWasAcknowledgedSurvivesKill9(t *testing.T) {
	for _, after := range []int{1, 7, 60} {
		t.Run(fmt.Sprintf("after %d records", after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m2md.db")
			child, lines := startChild(t, path)
			var acknowledged []string
			for lines.Scan() {
				acknowledged = append(acknowledged, lines.Text())
				if len(acknowledged) == after {
					child.Process.Kill() // SIGKILL; what is still in the pipe was acknowledged too
				}
			}
			child.Wait()
			if len(acknowledged) < after {
				t.Fatalf("the child wrote %d records, want %d", len(acknowledged), after)
			}
			s := open(t, path)
			for _, id := range acknowledged {
				if _, err := s.AppPassword(t.Context(), id); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
			list, err := s.ListAppPasswords(t.Context(), engine.AppPasswordQuery{Account: "prometheus", Limit: 100_000})
			if err != nil || len(list) < len(acknowledged) {
				t.Errorf("%d are listed, %v, want %d", len(list), err, len(acknowledged))
			}
		})
	}
}

func TestASecondOpenerIsToldWhoHoldsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	child, lines := startChild(t, path)
	t.Cleanup(func() {
		child.Process.Kill()
		for lines.Scan() { // so that Wait finds nobody reading
		}
		child.Wait()
	})
	if !lines.Scan() {
		t.Fatal("the child wrote nothing")
	}
	began := time.Now()
	_, err := bolt.Open(bolt.Options{Path: path, Timeout: 100 * time.Millisecond})
	var locked *bolt.LockedError
	if !errors.As(err, &locked) || locked.Path != path {
		t.Fatalf("Open: %v, want a LockedError", err)
	}
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("it waited %s", waited)
	}
	if _, err := os.Stat("/proc/locks"); runtime.GOOS != "linux" || err != nil {
		t.Skip("this system does not tell who holds a lock")
	}
	if locked.PID != child.Process.Pid || locked.Process == "" {
		t.Errorf("the owner is told as %d (%s), want %d", locked.PID, locked.Process, child.Process.Pid)
	}
	want := fmt.Sprintf("opening storage %s: locked by pid %d (%s)", path, child.Process.Pid, locked.Process)
	if err.Error() != want {
		t.Errorf("Open: %v\nwant %s", err, want)
	}
}

func TestAnOwnerWhoIsNotKnownIsCalledAnotherProcess(t *testing.T) {
	err := &bolt.LockedError{Path: "m2md.db"}
	if !strings.HasSuffix(err.Error(), "opening storage m2md.db: locked by another process") {
		t.Error(err)
	}
}
