package engine

import (
	"fmt"
	"slices"

	"github.com/m2md/m2md/engine/issuer"
)

// idle tells what the files say to no effect. It is a note where it says too
// much, and a warning where its author counts on something that will not happen.
func (c *compiler) idle() {
	s := c.spec.Storage
	if s.Engine == "memory" && s.Has("path") {
		c.note(s.AttrAt("path"), `"path"`, "Storage in memory has no file.")
	}
	c.idlePolicies()
	for _, source := range c.spec.Sources {
		c.idleSource(source)
		c.idleOpaque(source)
	}
	for _, p := range c.spec.Providers {
		for _, access := range p.Accesses {
			c.idleAccess(access)
		}
		if p.ForwardAuth != nil {
			c.idleDoor(p.Label, p.ForwardAuth)
			c.idleHeaders(p)
		}
	}
}

func (c *compiler) note(at Range, what, why string) {
	c.tell(Note, at, what+" has no effect", "%s", why).ID = "CFG007"
}

// idleSource tells what is asked of a fetch that never happens, and a profile
// that is not that of the issuer.
func (c *compiler) idleSource(s OAuthSource) {
	// Keys in a file may have been fetched by `m2md jwks pin`, and will be again.
	if s.Has("oidc_jwks") && !s.takesOpaque() {
		for _, name := range []string{"allow_http", "ca", "ca_file"} {
			if s.Has(name) {
				c.note(s.AttrAt(name), fmt.Sprintf("%q", name), "The keys stand in the files; nothing is fetched.")
			}
		}
	}
	if s.AllowAnyIssuer && s.TrustDomain != "" {
		c.note(s.AttrAt("allow_any_issuer"), `"allow_any_issuer"`, "Beside a trust_domain, iss counts only where issuer is given.")
	}
	profile, known := issuer.Lookup(s.Profile)
	if known && s.Issuer != "" && !profile.MatchesIssuer(s.Issuer) {
		id := "WIF008"
		if slices.Contains(profile.Issuers, s.Issuer) {
			id = "WIF009"
		}
		c.tell(Warning, s.AttrAt("issuer"), fmt.Sprintf("the issuer is none of %s", profile.Title),
			"What the profile %q knows of its issuers may not hold here. Check the issuer, byte for byte, or choose the profile that fits, or none.", s.Profile).ID = id
	}
}

// idleAccess tells of a choice between policies that are not several.
func (c *compiler) idleAccess(a Access) {
	if a.Mode == AnyPolicy && len(a.Policies) < 2 && !a.Unknown["policies"] {
		c.note(a.AttrAt("policy_mode"), `"policy_mode"`, "There are no two policies to choose between.")
	}
}

// idleHeaders tells of header fields that no policy is there to see.
func (c *compiler) idleHeaders(p Provider) {
	f := p.ForwardAuth
	asks := len(f.Policies) > 0 || f.Unknown["policies"] || (f.AcceptInput || f.AcceptOpaque) && slices.ContainsFunc(p.Accesses, func(a Access) bool { return len(a.Policies) > 0 })
	if f.Has("policy_headers") && !asks {
		c.note(f.AttrAt("policy_headers"), `"policy_headers"`, "No policy is asked at this door.")
	}
}

// idleDoor tells what needs to be told by a proxy, where none is believed.
func (c *compiler) idleDoor(provider string, f *ForwardAuth) {
	server := c.spec.Server
	if len(server.TrustedProxies) > 0 || server.TrustUnix || server.Unknown["trusted_proxies"] {
		return
	}
	for _, name := range []string{"external_host", "skip_paths"} {
		if f.Has(name) {
			c.tell(Warning, f.AttrAt(name), fmt.Sprintf("%q of provider %q never counts", name, provider),
				"It needs what a proxy tells of the guarded request, and the server block names no trusted_proxies. Name the addresses that the proxy asks from.").ID = "CFG007"
		}
	}
}
