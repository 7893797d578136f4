package engine

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

// tokenHeaders are the header fields that policies see where a token is asked
// for, or asked about: those that say what kind of program asks. It is never
// changed.
var tokenHeaders = []string{"user-agent"}

// showHeaders lets header fields of the request through to policies.
func (a *attempt) showHeaders() {
	names := tokenHeaders
	if a.Door == DoorForwardAuth {
		names = nil
		if a.provider.forward != nil {
			names = a.provider.forward.headers
		}
	}
	http := &a.caller.HTTP
	http.HeaderNames = names
	if a.caller.Header != nil && a.provider.hasScripts {
		http.Headers = shownHeaders(names, a.caller.Header)
	}
	a.Input.HTTP = *http
}

// shownHeaders picks fields by their names in lower case; nil for none.
func shownHeaders(names []string, header map[string][]string) map[string]string {
	var shown map[string]string
	for _, name := range names {
		values := header[textproto.CanonicalMIMEHeaderKey(name)]
		if len(values) == 0 {
			continue
		}
		if shown == nil {
			shown = make(map[string]string, len(names))
		}
		shown[name] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return shown
}

// secretWords are what stands in the names of header fields that prove
// something, or that hold what does. It is never changed.
var secretWords = []string{"auth", "cookie", "token", "secret", "password", "api-key", "apikey", "session", "credential", "signature", "jwt", "assertion"}

// policyHeaders checks the header fields that a door lets through, and returns
// them in lower case, sorted.
func (c *compiler) policyHeaders(f *ForwardAuth) []string {
	var names []string
	for _, given := range f.PolicyHeaders {
		name := strings.ToLower(given)
		if fault := headerFault(name); fault != "" {
			c.fault(f.AttrAt("policy_headers"), fmt.Sprintf("policies cannot see the header %q", given), "%s", fault)
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// headerFault says why policies must not see a header field, or "".
func headerFault(name string) string {
	switch {
	case name == "host":
		return "The host of the guarded request is request.http.host."
	case strings.HasPrefix(name, "x-forwarded-"), strings.HasPrefix(name, "x-original-"), name == "forwarded", name == "x-real-ip":
		return "It is how proxies tell of a request, and its client can send it too. What can be believed of it is in request.http: method, host, path and client_ip."
	case strings.HasPrefix(name, "x-m2md-"):
		return "It is what m2md tells the guarded service; from a client it says nothing."
	}
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return fmt.Sprintf("What has %q in its name may be a secret, and scripts could write it into the decision log.", word)
		}
	}
	return ""
}
