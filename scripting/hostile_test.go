package scripting_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// The hostile corpus: policies that must come to no answer, soon and in little
// memory, as an author could write them, or as a careless one could be made to
// run them by the claims. Each file of testdata/hostile says at its head what it
// tries, how that must end, and in how much memory:
//
//	// Tries: doubling by +=
//	// Ends: stopped
//	// Memory: 64 MiB
//
// Each ends within the deadline and hostileSlack. Ends is "finding" (it does not
// compile), "stopped" (by the budget or the deadline), "throws" or "returns"
// (what is neither true nor false). The child that runs it is killed by the
// system at a multiple of these bounds.
const (
	hostileDeadline = 50 * time.Millisecond
	hostileSlack    = 50 * time.Millisecond
	hostileKill     = 512 << 20 // bytes of data that the child may have
	hostileSeconds  = 5         // of the processor that it may take
	hostileCorpus   = "testdata/hostile"
)

// hostileResult is what the child tells.
type hostileResult struct {
	Pass    bool
	Ends    string
	Err     string
	Elapsed time.Duration
	Memory  int64 // resident at most, in bytes
}

// TestHostilePolicy is the child: it runs the one script that its environment
// names, in a process that nobody would miss.
func TestHostilePolicy(t *testing.T) {
	file, ok := os.LookupEnv("M2MD_HOSTILE")
	if !ok {
		t.Skip("run by TestHostilePoliciesAreDeniedSoonAndCheaply")
	}
	if !raceEnabled() {
		limit(t)
	}
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	result := runHostile(t, string(script))
	result.Memory = residentMemory(t)
	out, _ := json.Marshal(result)
	fmt.Printf("\nRESULT %s\n", out)
}

func runHostile(t *testing.T, script string) (result hostileResult) {
	policy, err := scripting.New(scripting.Options{Deadline: hostileDeadline}).CompilePolicy(source(script, nil))
	if err != nil {
		return hostileResult{Ends: "finding", Err: err.Error()}
	}
	began := time.Now()
	verdict, err := policy.Evaluate(t.Context(), &engine.PolicyInput{JWT: engine.Claims{"a": []any{"x"}}, Time: noon})
	result = hostileResult{Pass: verdict.Pass, Elapsed: time.Since(began)}
	if err != nil {
		result.Err = err.Error()
		for _, ends := range []string{"stopped", "threw", "returned"} {
			if strings.Contains(result.Err, " "+ends+" ") || strings.Contains(result.Err, " "+ends+":") {
				result.Ends = map[string]string{"stopped": "stopped", "threw": "throws", "returned": "returns"}[ends]
				break
			}
		}
	}
	return result
}

func TestHostilePoliciesAreDeniedSoonAndCheaply(t *testing.T) {
	for _, file := range hostileFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".js"), func(t *testing.T) {
			ends, bound := hostileHead(t, file)
			result := askHostile(t, file)
			for range 9 { // a busy machine may be late; what has no bound is late each time
				if result.Elapsed > hostileDeadline+hostileSlack {
					result = askHostile(t, file)
				}
			}
			t.Logf("%v, %d MiB, %s: %s", result.Elapsed, result.Memory>>20, result.Ends, result.Err)
			if raceEnabled() && result.Ends == "stopped" {
				ends = result.Ends // all that takes steps takes ten times as long
			}
			if result.Pass || result.Err == "" || result.Ends != ends {
				t.Errorf("pass = %v, %s, error %q, want that it %s", result.Pass, result.Ends, result.Err, ends)
			}
			if len(result.Err) > 500 {
				t.Errorf("an error of %d bytes", len(result.Err))
			}
			if !raceEnabled() && (result.Elapsed > hostileDeadline+hostileSlack || result.Memory > bound) {
				t.Errorf("took %v and %d MiB, more than %v or %d MiB", result.Elapsed, result.Memory>>20, hostileDeadline+hostileSlack, bound>>20)
			}
		})
	}
}

func hostileFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(hostileCorpus, "*.js"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// hostileHead reads what a file of the corpus says of itself; memory in bytes.
func hostileHead(t *testing.T, file string) (ends string, memory int64) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tries string
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "//")), ": ")
		switch name {
		case "Tries":
			tries = value
		case "Ends":
			ends = value
		case "Memory":
			mib, err := strconv.ParseInt(strings.TrimSuffix(value, " MiB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return ends, mib << 20
		}
	}
	t.Fatalf("%s does not say how it ends and in how much memory: %q, %q", file, tries, ends)
	return "", 0
}

// askHostile runs one file in a child.
func askHostile(t *testing.T, file string) (result hostileResult) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostilePolicy$", "-test.v")
	child.Env = append(os.Environ(), "M2MD_HOSTILE="+file, "GORACE=atexit_sleep_ms=0")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	_, line, ok := strings.Cut(string(out), "RESULT ")
	if !ok {
		t.Fatalf("no result in %.2000s", out)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

// raceEnabled says whether the detector, which costs ten times of either, runs.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// slow takes far more time than units.
const slow = `const s = "9".repeat(100000); for (let i = 0; i < 10000; i++) if (Number(s) === 1) return true; return false`

func TestACanceledRequestEndsItsPolicy(t *testing.T) {
	policy, err := scripting.New(scripting.Options{Deadline: time.Minute}).CompilePolicy(source(slow, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if verdict, err := policy.Evaluate(ctx, github(t)); verdict.Pass || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", verdict, err)
	}
	if verdict, err := compile(t, `return true`, nil).Evaluate(ctx, github(t)); verdict.Pass || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v, %v", verdict, err)
	}
}

func TestAPanicOfTheHostIsAnError(t *testing.T) {
	in := &engine.PolicyInput{JWT: engine.Claims{"bad": struct{}{}}, Time: noon}
	if pass, err := evaluate(t, `return request.context.oauth_jwt.bad === 1`, in); pass || err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %v, %v", pass, err)
	}
}
