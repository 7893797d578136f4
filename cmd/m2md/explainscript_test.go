package main

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/m2md/m2md/engine/enginetest"
)

// key is that of a kid, the same in all transcripts.
func (w *issuers) key(kid string) *enginetest.Key {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys[kid] == nil {
		w.keys[kid] = enginetest.NewKey(w.t, kid, "ES256")
	}
	return w.keys[kid]
}

// mint FILE KID TIME [NAME=VALUE...]: writes a token of a GitHub job that starts
// at that time ("now", or RFC 3339), signed with a key; values are JSON, or else
// text, and null takes a claim away. mint keys FILE KID: writes the key set.
func (w *issuers) mint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: mint FILE KID TIME [NAME=VALUE...] or mint keys FILE KID")
	}
	if args[0] == "keys" {
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), enginetest.JWKS(w.key(args[2])), 0o600))
		return
	}
	at := time.Now()
	if args[2] != "now" {
		var err error
		at, err = time.Parse(time.RFC3339, args[2])
		ts.Check(err)
	}
	claims := enginetest.GitHubClaims(at, "https://auth.example.com")
	for _, change := range args[3:] {
		name, text, _ := strings.Cut(change, "=")
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		claims[name] = value
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(w.key(args[1]).Mint(claims)+"\n"), 0o600))
}
