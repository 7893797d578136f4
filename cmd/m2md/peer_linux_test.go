package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// nobody is a user that every system has and that owns nothing.
const nobody = 65534

// The mode of the socket keeps others out; who gets past it, because the
// folder or the mode was changed, is asked for by the kernel.
func TestTheAdminSocketRefusesOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root can become somebody else")
	}
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	path := filepath.Join(r.state, socketName)
	for name, mode := range map[string]os.FileMode{r.state: 0o755, path: 0o777} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for uid, want := range map[int]bool{0: true, nobody: false} {
		answer, err := askAs(uid, path)
		if got := strings.HasPrefix(answer, "HTTP/1.1 200 "); got != want || err != nil {
			t.Errorf("user %d: answered %q, %v", uid, answer, err)
		}
	}
	if n := r.logged("refused an admin connection"); n != 1 || r.logged(fmt.Sprintf("uid=%d", nobody)) != 1 {
		t.Errorf("the refusal was logged %d times:\n%s", n, r.log)
	}
	if _, err := r.admin().Status(t.Context()); err != nil {
		t.Errorf("the owner is refused afterwards: %v", err)
	}
}

// askAs asks for the status with the rights of a user. It gives up its thread,
// whose rights are those of that user from then on.
func askAs(uid int, path string) (answer string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		answer, err = askHere(uid, path)
	}()
	<-done
	return answer, err
}

func askHere(uid int, path string) (string, error) {
	// Not syscall.Setuid, which is for all threads.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return "", errno
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return "", err
	}
	conn := os.NewFile(uintptr(fd), path)
	defer conn.Close()
	// A daemon that refused may have hung up by now, which is no failure here.
	io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: m2md\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if len(answer) == 0 {
		return "", nil
	}
	return string(answer), err
}

// Who made an app password is written down.
func TestAnAppPasswordKnowsWhoMadeIt(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	r.password("ci")
	all, err := r.admin().ListAppPasswords(t.Context(), serve.AppPasswordFilter{}, "")
	if err != nil || len(all.AppPasswords) != 1 || all.AppPasswords[0].CreatedBy != ownName() || all.AppPasswords[0].Secret != "" {
		t.Errorf("got %+v, %v", all, err)
	}
}

// A client of the admin socket that sends nothing holds nobody up.
func TestTheAdminSocketServesMoreThanOne(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	conn := dialUnix(t, filepath.Join(r.state, socketName))
	defer conn.Close()
	began := time.Now()
	if _, err := r.admin().Status(t.Context()); err != nil || time.Since(began) > requestTimeout {
		t.Error(err)
	}
	io.WriteString(conn, "GET /nothing HTTP/1.1\r\nHost: m2md\r\n\r\n")
	if res := readAnswer(t, conn); res.StatusCode != http.StatusNotFound {
		t.Errorf("got %s", res.Status)
	}
}
