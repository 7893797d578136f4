package lint

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/m2md/m2md/engine"
)

// doors are the findings about what forward-auth guards.
func doors() family {
	return family{
		rules: []Rule{{
			ID: "CFG003", Title: "a host that another one shadows", Severity: engine.Error,
			Why: "A provider is found by the host that a request names. Clients leave out the ports 80 and 443, so that a host with one of them is never asked for, and its requests go to the provider of the host without, or to nobody. " +
				"The host of m2md itself must not be guarded by m2md: whoever has no token yet could not get one. Two providers with the same host are an error.",
			Fault: `forward_auth {
  external_host = "files.example.com:443"
}`,
			Fix: `forward_auth {
  external_host = "files.example.com"
}`,
		}, {
			ID: "CFG004", Title: "skip paths that overlap, or skip all", Severity: engine.Warning,
			Why: "A path that another one covers has no effect, and stays behind when that one is taken away or, worse, is what somebody thinks is all that is open. With /* nothing is guarded.",
			Fault: `forward_auth {
  external_host = "files.example.com"
  skip_paths    = ["/static/*", "/static/logo.svg"]
}`,
			Fix: `forward_auth {
  external_host = "files.example.com"
  skip_paths    = ["/static/*"]
}`,
		}},
		check: func(l *linter) {
			for _, p := range l.spec.Providers {
				if p.ForwardAuth != nil {
					l.host(p.ForwardAuth)
					l.skipPaths(p.ForwardAuth)
				}
			}
		},
	}
}

func (l *linter) host(f *engine.ForwardAuth) {
	host, port, err := net.SplitHostPort(f.ExternalHost)
	if err != nil {
		host = f.ExternalHost
	}
	if port == "443" || port == "80" {
		l.warn("CFG003", f.AttrAt("external_host"), "clients never ask for a host with this port", "They leave out the port that is the scheme's own. Write the host alone.")
	}
	own, err := url.Parse(l.spec.Server.ExternalURL)
	if err == nil && host != "" && strings.EqualFold(own.Hostname(), host) && (port == "" || port == own.Port() || port == "443" || port == "80") && own.Port() == "" {
		l.warn("CFG003", f.AttrAt("external_host"), "the host is that of m2md itself", "Whoever has no token yet must be able to ask for one there. Guard another host, or give m2md its own.")
	}
}

func (l *linter) skipPaths(f *engine.ForwardAuth) {
	at := f.AttrAt("skip_paths")
	for i, one := range f.SkipPaths {
		if one == "/*" {
			l.warn("CFG004", at, "every path is skipped", "Nothing of the host is guarded, and nobody is asked who he is. Name the paths that may be open, or remove forward_auth.")
			return
		}
		for j, other := range f.SkipPaths {
			if i != j && covers(other, one) && !(one == other && i < j) {
				l.warn("CFG004", at, "paths overlap", fmt.Sprintf("The path number %d is skipped by number %d already. Remove one of them.", i+1, j+1))
				return
			}
		}
	}
}

// covers says whether all that the other path skips is skipped by wide, too.
func covers(wide, other string) bool {
	folder, below := strings.CutSuffix(wide, "*")
	return wide == other || below && strings.HasPrefix(other, folder)
}
