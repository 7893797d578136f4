package hcl

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// The checks of this file judge the form of a string. What they say completes
// a sentence that names the attribute; it never repeats the value, which may
// have come from env() or file().

const urlRule = "An absolute http or https URL without user and fragment."

// maxLabel is the length of a block's label in bytes.
const maxLabel = 63

// ValidLabel says whether a block can have the label s: whether it matches
// [a-z][a-z0-9_-]{0,62}.
func ValidLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return onlyBytes(s, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	})
}

func onlyBytes(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func notEmpty(s string) fault {
	if s == "" {
		return fault{summary: "is empty", detail: "Write a value, or leave the attribute out."}
	}
	return fault{}
}

func notYetFault(name string) fault {
	return fault{
		summary: fmt.Sprintf("%q is not supported yet", name),
		detail:  "This version of m2md refuses it rather than ignoring it. Remove it, or wait for the version that brings it.",
		whole:   true,
	}
}

func atLeastOne(n int64) fault {
	if n < 1 {
		return fault{summary: "is out of range", detail: "It must be more than nothing. Leave the attribute out for no bound."}
	}
	return fault{}
}

// enoughConnections judges a bound of connections: with fewer, one address's
// share would hold nobody.
func enoughConnections(n int64) fault {
	if n < 16 {
		return fault{summary: "is out of range", detail: "It must be 16 or more: a proxy alone holds several connections."}
	}
	return fault{}
}

// checkListen judges where a listener listens. Port 0 is one that the system
// chooses.
func checkListen(s string) fault {
	bad := fault{summary: "is no address to listen on", detail: `Write HOST:PORT, such as "127.0.0.1:9440", or unix:///PATH, such as "unix:///run/m2md/http.sock".`}
	if socket, ok := strings.CutPrefix(s, "unix://"); ok {
		if !path.IsAbs(socket) || path.Clean(socket) != socket || socket == "/" || strings.IndexByte(socket, 0) >= 0 {
			return bad
		}
		return fault{}
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !validPort(port, 0) || host != "" && !validHostname(strings.ToLower(host)) && !validIP(host) {
		return bad
	}
	return fault{}
}

func validPort(s string, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n >= least && strconv.FormatUint(n, 10) == s
}

func validIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// validHostname says whether s is a host name in lower case (RFC 1123 §2.1),
// or an IPv4 address, which has the same form.
func validHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if !onlyBytes(label, func(c byte) bool {
			return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		}) {
			return false
		}
	}
	return true
}

func checkHost(s string) fault {
	if s != strings.ToLower(s) {
		return fault{summary: "has upper-case letters", detail: "Write the host in lower case, as proxies hand it on."}
	}
	host := s
	if h, port, err := net.SplitHostPort(s); err == nil && validPort(port, 1) {
		host = h
	} else if v6, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(v6, "]") {
		host = v6[:len(v6)-1]
		if strings.Contains(host, ".") { // [127.0.0.1] is no host
			host = ""
		}
	}
	if !validHostname(host) && !(validIP(host) && strings.HasPrefix(s, "[")) {
		return fault{summary: "is no host", detail: `Write a host such as "loki.example.com", with ":PORT" only where clients use one; no scheme and no path.`}
	}
	return fault{}
}

// checkURL judges a URL that m2md itself will ask.
func checkURL(s string) fault {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https":
		return fault{summary: "is no http or https URL", detail: `Write an absolute URL, such as "https://issuer.example.com/jwks".`}
	case u.Hostname() == "" || !validHostname(strings.ToLower(u.Hostname())) && !validIP(u.Hostname()):
		return fault{summary: "names no host", detail: `Write an absolute URL, such as "https://issuer.example.com/jwks".`}
	case u.Port() != "" && !validPort(u.Port(), 1):
		return fault{summary: "has no usable port", detail: "A port is a number between 1 and 65535."}
	case u.User != nil:
		return fault{summary: "holds a user name", detail: "Remove what stands before the @: credentials do not belong into a URL."}
	case strings.Contains(s, "#"):
		return fault{summary: "holds a fragment", detail: "Remove the # and what follows."}
	}
	return fault{}
}

func checkExternalURL(s string) fault {
	if bad := checkURL(s); bad != (fault{}) {
		return bad
	}
	switch {
	case strings.Contains(s, "?"):
		return fault{summary: "holds a query", detail: "Remove the ? and what follows."}
	case strings.HasSuffix(s, "/"):
		return fault{summary: "ends with a slash", detail: "Remove the slash: paths are appended to this URL, and issuers are compared byte for byte."}
	}
	return fault{}
}

func checkTrustedProxy(s string) fault {
	if s == "unix" {
		return fault{}
	}
	_, bad := parseNetwork(s)
	return bad
}

// parseNetwork reads a network in CIDR form whose host bits are zero.
func parseNetwork(s string) (netip.Prefix, fault) {
	network, err := netip.ParsePrefix(s)
	if err != nil {
		if addr, addrErr := netip.ParseAddr(s); addrErr == nil && addr.Zone() == "" {
			return netip.Prefix{}, fault{summary: "is an address, not a network", detail: fmt.Sprintf(`For this address alone, append "/%d".`, addr.BitLen())}
		}
		return netip.Prefix{}, fault{summary: "is no network", detail: `Write a network in CIDR form, such as "10.0.0.0/8", or "unix".`}
	}
	if network != network.Masked() {
		return netip.Prefix{}, fault{summary: "has bits beyond its mask", detail: "The bits of the address behind the length of the network must be zero."}
	}
	return network, fault{}
}

// checkSkipPath keeps to paths that every proxy and server reads alike.
func checkSkipPath(s string) fault {
	rest, wild := strings.CutSuffix(s, "/*")
	switch {
	case !strings.HasPrefix(s, "/"):
		return fault{summary: "does not begin with a slash", detail: `Write a path such as "/ready", or "/static/*".`}
	case strings.Contains(rest, "*"):
		return fault{summary: "has a * in its midst", detail: `A path is exact, or ends in "/*"; a * stands nowhere else.`}
	case strings.ContainsAny(s, "%;?\\#") || !onlyBytes(s, func(c byte) bool { return c > ' ' && c < 0x7f }):
		return fault{summary: "holds characters that servers read differently", detail: `Paths with "%", ";", "?", "#", "\" or anything outside of ASCII cannot be skipped.`}
	case strings.Contains(s, "//") || hasDotSegment(rest):
		return fault{summary: "is not in its plain form", detail: `Remove "//", "/./" and "/../".`}
	case wild && rest != strings.TrimRight(rest, "/"):
		return fault{summary: "is not in its plain form", detail: `Remove "//".`}
	}
	return fault{}
}

func hasDotSegment(s string) bool {
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// checkScope judges a scope-token: 1*( %x21 / %x23-5B / %x5D-7E ), RFC 6749
// §3.3.
func checkScope(s string) fault {
	if s == "" || !onlyBytes(s, func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '\\' }) {
		return fault{summary: "is no scope", detail: `A scope is printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3).`}
	}
	return fault{}
}

// checkClientID judges a client_id: 1*VSCHAR, RFC 6749 §A.1.
func checkClientID(s string) fault {
	if s == "" || !onlyBytes(s, func(c byte) bool { return c >= ' ' && c < 0x7f }) {
		return fault{summary: "is no client ID", detail: "A client ID is printable ASCII, and not empty (RFC 6749 §A.1)."}
	}
	return fault{}
}

func checkScriptFile(s string) fault {
	if name := path.Ext(s); name == ".js" || name == ".ts" && !strings.HasSuffix(s, ".d.ts") {
		return fault{}
	}
	return fault{summary: "is no script", detail: "Scripts are JavaScript or TypeScript, in files whose names end in .js or .ts."}
}

// between judges a duration: from and to are allowed.
func between(from, to time.Duration) func(int64) fault {
	return func(nanoseconds int64) fault {
		if d := time.Duration(nanoseconds); d < from || d > to {
			return fault{summary: "is out of range", detail: fmt.Sprintf("It must be between %s and %s.", from, to)}
		}
		return fault{}
	}
}

// checkOrigin wants an origin as browsers send it (RFC 6454 §6.2), to which
// it is compared.
func checkOrigin(s string) fault {
	u, err := url.Parse(s)
	own := map[string]string{"http": "80", "https": "443"}
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && s == u.Scheme+"://"+strings.ToLower(u.Host) && u.Port() != own[u.Scheme] {
		return fault{}
	}
	return fault{summary: "is no origin", detail: `Write it as browsers do, such as "https://app.example.com": scheme and host in lower case, a port only where it is not the scheme's own, and no path. "*" is not taken: whoever has a page could then ask.`}
}
