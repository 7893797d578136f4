package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/serve"
)

// The test binary is also the command: transcripts run it as m2md.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"m2md": main})
}

// Each transcript in testdata/script is what somebody types, and what they see.
func TestTheCommandsBehaveAsTranscribed(t *testing.T) {
	world := &issuers{t: t, keys: map[string]*enginetest.Key{}, at: map[string]*enginetest.Issuer{}}
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command would take a second longer
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"ready":   ready,
			"keep":    keep,
			"json":    checkJSON,
			"keyid":   keyID,
			"login":   login,
			"grant":   grant,
			"active":  active,
			"appears": appears,
			"size":    size,
			"issuer":  world.command,
			"mint":    world.mint,
			"readonly": func(ts *testscript.TestScript, _ bool, args []string) {
				makeReadOnly(ts, ts.MkAbs(args[0]))
			},
		},
		Condition: func(name string) (bool, error) {
			if name != "readonly" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return canBeReadOnly(), nil
		},
	})
}

// exits CODE COMMAND…: the command ends with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// ready SOCKET: waits for the daemon there, and sets $LISTEN to its address.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready SOCKET")
	}
	client := serve.NewAdminClient(ts.MkAbs(args[0]))
	var failure error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		status, err := askStatus(client)
		if err == nil {
			ts.Setenv("LISTEN", status.Listen)
			return
		}
		failure = err
	}
	ts.Fatalf("no daemon: %v", failure)
}

// keep NAME FILE: sets $NAME to the one line that the file (or stdout) is, and
// $NAME_ID to its ID where it is an app password.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME FILE")
	}
	line, rest, ended := strings.Cut(ts.ReadFile(args[1]), "\n")
	if line == "" || rest != "" || !ended {
		ts.Fatalf("%s is not one line", args[1])
	}
	ts.Setenv(args[0], line)
	if id, err := engine.ParseAppPassword(line); err == nil {
		ts.Setenv(args[0]+"_ID", id)
	}
}

// json FILE [PATH VALUE]…: the file (or stdout) is one JSON document whose
// members at those paths, such as a.0.b, have those values.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args)%2 == 0 {
		ts.Fatalf("usage: json FILE [PATH VALUE]...")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.UseNumber()
	var document any
	ts.Check(decoder.Decode(&document))
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("something follows the JSON document")
	}
	for i := 1; i < len(args); i += 2 {
		if got := memberAt(document, strings.Split(args[i], ".")); got != args[i+1] {
			ts.Fatalf("%s is %s, want %s", args[i], got, args[i+1])
		}
	}
}

// keyID NAME FILE INDEX: sets $NAME to the kid of a key in a list of keys.
func keyID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: keyid NAME FILE INDEX")
	}
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	ts.Setenv(args[0], memberAt(document, []string{args[2], "kid"}))
}

// memberAt is the text of what stands at a path; "absent" for nothing. The
// last name may be "length".
func memberAt(value any, path []string) string {
	for _, name := range path {
		switch container := value.(type) {
		case map[string]any:
			member, there := container[name]
			if !there {
				return "absent"
			}
			value = member
		case []any:
			if name == "length" {
				return strconv.Itoa(len(container))
			}
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(container) {
				return "absent"
			}
			value = container[i]
		default:
			return "absent"
		}
	}
	return fmt.Sprint(value)
}

// login USER PASSWORD [PROVIDER [SCOPE]]: asks the daemon at $LISTEN for a token,
// of provider loki unless told. It fails where there is none; stdout is the answer.
func login(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 4 {
		ts.Fatalf("usage: login USER PASSWORD [PROVIDER [SCOPE]]")
	}
	provider := append(args, "loki")[2]
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {provider}, "username": {args[0]}, "password": {args[1]}}
	if len(args) == 4 {
		form.Set("scope", args[3])
	}
	res, err := http.PostForm("http://"+ts.Getenv("LISTEN")+"/oauth2/token", form)
	ts.Check(err)
	defer res.Body.Close()
	_, err = io.Copy(ts.Stdout(), res.Body)
	ts.Check(err)
	if ok := res.StatusCode == http.StatusOK; ok == neg {
		ts.Fatalf("login answered %s", res.Status)
	}
}

// appears FILE: waits until the file is there.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears FILE")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s is not there after %s", args[0], patience)
}

// grant NAME USER PASSWORD: sets $NAME to an access token of provider loki and
// $NAME_ID to its jti, and writes the token to NAME.jwt.
func grant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: grant NAME USER PASSWORD")
	}
	res, err := http.PostForm("http://"+ts.Getenv("LISTEN")+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"loki"}, "username": {args[1]}, "password": {args[2]}})
	ts.Check(err)
	defer res.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	ts.Check(json.NewDecoder(res.Body).Decode(&answer))
	one, err := engine.UnverifiedToRevoke(answer.AccessToken)
	ts.Check(err)
	ts.Setenv(args[0], answer.AccessToken)
	ts.Setenv(args[0]+"_ID", one.Name)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".jwt"), []byte(answer.AccessToken+"\n"), 0o600))
}

// active PASSWORD TOKEN: the daemon at $LISTEN tells whoever has the password
// that the token of provider loki is active.
func active(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: active PASSWORD TOKEN")
	}
	res, err := http.PostForm("http://"+ts.Getenv("LISTEN")+"/oauth2/introspect", url.Values{"client_id": {"loki"}, "client_secret": {args[0]}, "token": {args[1]}})
	ts.Check(err)
	defer res.Body.Close()
	var answer struct{ Active *bool }
	ts.Check(json.NewDecoder(res.Body).Decode(&answer))
	if answer.Active == nil || *answer.Active == neg {
		ts.Fatalf("introspection answered %s, and not active = %t", res.Status, !neg)
	}
}

// size FOLDER N: the folder holds N names.
func size(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: size FOLDER N")
	}
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	hidden, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), ".*"))
	ts.Check(err)
	if got := len(names) + len(hidden); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s holds %d names, want %s: %q %q", args[0], got, args[1], names, hidden)
	}
}

// issuers are those of the transcripts. Keys are known by their kid, and the
// same in all of them.
type issuers struct {
	t    *testing.T
	mu   sync.Mutex
	keys map[string]*enginetest.Key
	at   map[string]*enginetest.Issuer // by URL
}

// issuer publishes NAME KID...: starts an issuer with those keys and sets $NAME
// to its URL, or, where $NAME is one, has it publish those keys instead.
// issuer stops NAME: closes its port.
func (w *issuers) command(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: issuer publishes NAME KID... or issuer stops NAME")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.at[ts.Getenv(args[1])]
	var keys []*enginetest.Key
	for _, kid := range args[2:] {
		if w.keys[kid] == nil {
			w.keys[kid] = enginetest.NewKey(w.t, kid, "ES256")
		}
		keys = append(keys, w.keys[kid])
	}
	switch {
	case args[0] == "stops" && known != nil:
		known.Stop()
	case args[0] == "publishes" && known != nil:
		known.Publish(keys...)
	case args[0] == "publishes":
		known = enginetest.NewIssuer(w.t, keys...)
		w.at[known.URL] = known
		ts.Setenv(args[1], known.URL)
	default:
		ts.Fatalf("there is no issuer %s", args[1])
	}
}

// askStatus asks once, without waiting for long.
func askStatus(client *serve.AdminClient) (serve.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return client.Status(ctx)
}
