package engine

import (
	"cmp"
	"maps"
	"slices"
)

// places are where the files declare what a trace tells of, and the sources
// that no access names, too.
type places struct {
	decls  map[string]Decl // by reference, as oauth_source.github, and access keys
	trusts []*trust        // by reference
}

// places notes them. It holds no value of the files, only where they stand.
func (c *compiler) places() {
	p := &places{decls: map[string]Decl{}}
	for _, s := range c.spec.Sources {
		p.decls[string(KindOAuthSource)+"."+s.Label] = s.Decl
	}
	for _, s := range c.spec.Certificates {
		p.decls[string(KindCertificate)+"."+s.Label] = s.Decl
	}
	for _, s := range c.spec.Accounts {
		p.decls[string(KindServiceAccount)+"."+s.Label] = s.Decl
	}
	for _, s := range c.spec.Policies {
		p.decls[string(KindPolicy)+"."+s.Label] = s.Decl
	}
	for _, s := range c.spec.Mappings {
		p.decls[string(KindMapping)+"."+s.Label] = s.Decl
	}
	for _, s := range c.spec.Providers {
		p.decls[string(KindProvider)+"."+s.Label] = s.Decl
		for _, a := range s.Accesses {
			p.decls[accessKey(s.Label, a.Label)] = a.Decl
		}
		if s.ForwardAuth != nil {
			p.decls[accessKey(s.Label, "")] = s.ForwardAuth.Decl
		}
	}
	p.trusts = slices.SortedFunc(maps.Values(c.trusts), func(a, b *trust) int { return cmp.Compare(a.origin.String(), b.origin.String()) })
	c.engine.places = p
}

// accessKey is under what an access of a provider is found; that of forward_auth
// has the label "".
func accessKey(provider, access string) string {
	return string(KindProvider) + "." + provider + "/" + access
}

// at is the place of an attribute, or of the block where it is not given; the
// zero value where nothing is known of the block.
func (p *places) at(key, attribute string) Range { return p.decls[key].AttrAt(attribute) }

// hides says whether the value of an attribute came from env() or file().
func (p *places) hides(key, attribute string) bool { return p.decls[key].Sensitive[attribute] }
