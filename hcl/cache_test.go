package hcl

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
)

// variants are what each file of a configuration may become: they use each
// other, files beside them and the environment, in every way that there is. ""
// stands for no file at all.
var variants = map[string][]string{
	"accounts.hcl": {
		account(1), account(2), "",
		"service_account \"x\" {\n groups = local.groups\n}\n",
		"service_account \"x\" {\n groups = [local.team]\n display_name = try(local.groups[1], local.team)\n}\n",
		"service_account \"x\" {\n display_name = env(\"NAME\", \"nobody\")\n}\n",
		"service_account \"x\" {\n display_name = try(file(\"name.txt\"), \"none\")\n}\n",
		"service_account \"x\" {\n display_name = file(\"name.txt\")\n}\n",
		"service_account \"x\" {\n",
		"service_account \"x\" {\n display_nam = \"y\"\n}\n",
	},
	"more.hcl.json": {
		`{"service_account": {"json": {"display_name": "${local.team}"}}}`,
		`{"service_account": {"json": {"display_name": "plain"}}}`,
		`{"service_account": {"json": {"display_name": "${local.none}"}}}`,
		`{"locals": {"more": "${local.team}"}}`, "",
	},
	"locals.hcl": {
		"locals {\n team = \"a\"\n groups = [\"g\", local.team]\n}\n",
		"locals {\n team = \"b\"\n groups = [\"g\", local.team]\n}\n",
		"locals {\n team = env(\"NAME\", \"c\")\n groups = []\n}\n",
		"locals {\n team = local.groups\n groups = local.team\n}\n",
		"locals {\n team = \"a\"\n}\n", "",
	},
	"keys.hcl": {
		"signing_key \"k\" {\n private_key_file = \"key.pem\"\n}\n",
		"signing_key \"k\" {\n private_key = \"written\"\n}\n",
		"signing_key \"k\" {\n private_key = env(\"KEY\")\n}\n",
		"signing_key \"k\" {\n private_key_file = \"${local.team}.pem\"\n}\n",
	},
	"policies.hcl": {
		"policy \"p\" {\n script_file = \"p.js\"\n inputs = { x = local.team }\n}\n",
		"policy \"p\" {\n script = \"return true;\"\n}\nmapping \"m\" {\n script_file = \"p.js\"\n}\n",
		"policy \"p\" {\n script = \"$${x}\"\n}\n",
	},
	"provider.hcl": {
		"provider \"p\" {\n access \"a\" {\n from = [service_account.x]\n require_claims = { a = pattern(\"${local.team}.*\") }\n}\n}\n",
		"oauth_source \"s\" {\n issuer = \"https://a.example\"\n consumer_secret = \"literal\"\n}\nprovider \"p\" {\n audience = [for i in range(3) : \"a${i}\"]\n}\n",
		"test \"t\" {\n for_each = { a = local.team, b = \"x\" }\n provider = provider.p\n account = service_account.x\n scopes = [each.value]\n expect = \"allow\"\n}\n",
	},
	"big.hcl": {"locals {\n big = join(\"\", [for i in range(1000) : \"" + strings.Repeat("a", 200) + "\"])\n}\n"},
	"loops.hcl": { // two of them compute too much
		"service_account \"l\" {\n groups = [for i in range(6) : \"${i}\"]\n}\n",
		"service_account \"l\" {\n attributes = { n = length([for i in range(200) : local.big]) }\n}\n", "",
	},
	"loops2.hcl":  {"", "service_account \"l2\" {\n attributes = { n = length([for i in range(200) : local.big]) }\n}\n"},
	"server.hcl":  {"server {\n listen = \"127.0.0.1:1\"\n}\n", "server {\n}\nmetrics {\n listen = \"127.0.0.1:2\"\n}\n", "metrics {\n listen = \"127.0.0.1:3\"\n}\n"},
	"other.hcl":   {"", "", "server {\n}\n"},
	"faults.hcl":  {"", "", strings.Repeat("unknown {\n}\n", maxFindings+10)},
	"name.txt":    {"ann", "bob", "", "not text \x00"},
	"key.pem":     {"1", "2", ""},
	"a.pem":       {"1", ""},
	"p.js":        {"import \"./q.js\"\n", "import \"./r.js\"\nimport \"./q.js\"\n", "plain", ""},
	"q.js":        {"q", "import \"./p.js\"\n", ""},
	"r.js":        {"r", "", strings.Repeat("x", maxScript+1)},
	"sub/acc.hcl": {"service_account \"sub\" {\n display_name = try(file(\"../name.txt\"), \"none\")\n}\n", ""},
}

func account(n int) string { return fmt.Sprintf("service_account \"x\" {\n groups = [\"%d\"]\n}\n", n) }

// importsOf stands for what package scripting finds in a script.
func importsOf(name, text string) (all []engine.Import, err error) {
	for _, found := range regexp.MustCompile(`import "(.*)"`).FindAllStringSubmatch(text, -1) {
		all = append(all, engine.Import{Name: found[1], At: fileStart(name)})
	}
	return all, nil
}

// A reading that remembers the one before tells what a fresh one tells, whatever
// has changed between them.
func TestAReadingThatRemembersIsEqualToAFreshOne(t *testing.T) {
	const edits = 150
	random := rand.New(rand.NewPCG(6, 6))
	dir := t.TempDir()
	names := slices.Sorted(maps.Keys(variants))
	environment := map[string]string{}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	for _, name := range names {
		put(t, filepath.Join(dir, name), variants[name][0])
	}
	options := Options{Path: dir, LookupEnv: lookup, Imports: importsOf}
	cached := options
	cached.Cache = new(Cache)
	again, sound := 0, 0
	for i := range edits {
		what := names[random.IntN(len(names))]
		switch random.IntN(10) {
		case 0:
			what = "NAME or KEY"
			environment[[]string{"NAME", "KEY"}[random.IntN(2)]] = fmt.Sprint(random.IntN(2))
		case 1:
			what = "the environment"
			clear(environment)
		default:
			to := variants[what][0] // so that most of them are sound
			if random.IntN(2) == 0 {
				to = variants[what][random.IntN(len(variants[what]))]
			}
			put(t, filepath.Join(dir, what), to)
		}
		before := cached.Cache.snapshot()
		got, want := Load(cached), Load(options)
		for name, kept := range cached.Cache.snapshot() {
			if before[name] == kept {
				again++
			}
		}
		if want.Findings.Err() == nil {
			sound++
		}
		for _, part := range []struct {
			name      string
			got, want any
		}{
			{"findings", got.Findings, want.Findings}, {"spec", got.Spec, want.Spec}, {"sources", got.Sources, want.Sources},
			{"files", got.Files, want.Files}, {"folders", got.Folders, want.Folders}, {"whether it is partial", got.Partial, want.Partial},
		} {
			if !reflect.DeepEqual(part.got, part.want) {
				t.Fatalf("after edit %d, of %s: the %s are\n%.3000v\nwant\n%.3000v", i, what, part.name, part.got, part.want)
			}
		}
	}
	t.Logf("%d of %d readings were sound; files were remembered %d times", sound, edits, again)
	if again < edits || sound < edits/50 || sound > edits*9/10 {
		t.Error("which proves little")
	}
}

// put writes a file, or removes it where there is nothing to write.
func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	err := os.Remove(path)
	if content != "" {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}
