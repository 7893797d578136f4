package hcl_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/m2md/m2md/hcl"
)

// A secret that stands in a file as it is is told of in logs that more people can
// read than can read the file: no form of the findings shows it.
func TestNoExcerptShowsASecretThatIsWrittenOut(t *testing.T) {
	for name, text := range map[string]string{
		"an attribute":           "oauth_source \"s\" {\n  consumer_secret = \"" + sentinel + "\"\n}\n",
		"beside another fault":   "oauth_source \"s\" { consumer_secret = \"" + sentinel + "\" }\n",
		"with an escape":         "oauth_source \"s\" {\n  consumer_secret = \"a\\\"" + sentinel + "\"\n}\n",
		"in a template":          "oauth_source \"s\" {\n  consumer_secret = \"" + sentinel + "${local.none}\"\n}\n",
		"in a call":              "oauth_source \"s\" {\n  consumer_secret = lower(join(\"\", [\"" + sentinel + "\"]))\n}\n",
		"where it is misspelled": "oauth_source \"s\" {\n  consumer_secrets = \"ghp_" + strings.Repeat("x", 30) + sentinel + "\"\n}\n",
		"an app password":        "service_account \"s\" {\n  groups = [3, \"m2md_abc_" + "sw0rdfishMarlin42_x\"]\n}\n",
		"that is not closed":     "oauth_source \"s\" {\n  consumer_secret = \"" + sentinel + "\n}\n",
	} {
		t.Run(name, func(t *testing.T) { hides(t, "m2md.hcl", text) })
	}
	hides(t, "m2md.hcl.json", `{"oauth_source": {"s": {"consumer_secret": "`+sentinel+`", "issuer": 3}}}`)
}

func hides(t *testing.T, name, text string) {
	t.Helper()
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{name: text})})
	if len(loaded.Findings) == 0 {
		t.Fatal("nothing is told")
	}
	var out bytes.Buffer
	for _, err := range []error{
		hcl.WriteText(&out, loaded.Findings, loaded.Sources, hcl.TextOptions{}), hcl.WriteJSON(&out, loaded.Findings, loaded.Sources),
		hcl.WriteGitHub(&out, loaded.Findings),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if leaks(out.String()) {
		t.Errorf("it is told:\n%s", out.String())
	}
}
