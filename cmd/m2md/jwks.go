package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

func jwksCommand() *cli.Command {
	return group(&cli.Command{
		Name:  "jwks",
		Usage: "pin the keys of issuers to files, and compare those with what the issuers publish now",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name:  "pin",
				Usage: "fetch the current keys of an oauth_source and write them to a file for oidc_jwks_file",
				Flags: []cli.Flag{
					configFlag(), allowPathFlag(), fromFlag(),
					&cli.StringFlag{Name: "output", Usage: "the `FILE` to write; - for stdout (default: the one that oidc_jwks_file names, else jwks/SOURCE.json beside the file that declares the source)"},
				},
			}, "SOURCE", pinKeys),
			command(&cli.Command{
				Name:  "check",
				Usage: "compare pinned keys with those of their issuers, by kid and RFC 7638 thumbprint",
				Flags: []cli.Flag{
					configFlag(), allowPathFlag(), fromFlag(), formatFlag(),
					&cli.DurationFlag{Name: "max-age", Value: 30 * 24 * time.Hour, Usage: "how long ago keys may have been pinned"},
				},
			}, "[SOURCE...]", checkKeys),
		},
	})
}

func fromFlag() cli.Flag {
	return &cli.StringFlag{Name: "from", Usage: "the `URL` of the key set or discovery document, where neither the source nor its file says it"}
}

// declared is what a command about keys works on: a configuration that is
// sound but for what may be its business.
type declared struct{ *assessment }

// readDeclared reads the configuration. Faults at a place of an allowed
// attribute of a source are passed over.
func readDeclared(c *cli.Context, allowed func(engine.OAuthSource, engine.Range) bool) (*declared, error) {
	path, err := configPath(c)
	if err != nil {
		return nil, err
	}
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	a := assess(c.Context, hcl.Options{Path: path, AllowPaths: c.StringSlice("allow-path"), AllowMissingSecrets: true}, 1, rehearsalDeps(keys))
	faults := slices.DeleteFunc(slices.Clone(a.Findings), func(f engine.Finding) bool {
		return slices.ContainsFunc(a.Spec.Sources, func(s engine.OAuthSource) bool { return allowed(s, f.At) })
	})
	if a.Partial || faults.Err() != nil {
		if err := report(c.App.ErrWriter, a); err != nil {
			return nil, err
		}
		return nil, silentFault{}
	}
	return &declared{a}, nil
}

// source finds a source by its label, or by the reference to it.
func (d *declared) source(name string) (engine.OAuthSource, error) {
	label := sourceLabel(name)
	labels := make([]string, len(d.Spec.Sources))
	for i, s := range d.Spec.Sources {
		if s.Label == label {
			return s, nil
		}
		labels[i] = s.Label
	}
	if slices.ContainsFunc(d.Spec.Certificates, func(v engine.VerificationCertificate) bool { return v.Label == label }) {
		return engine.OAuthSource{}, usagef("%q is a verification_certificate: its key stands in the files, and nobody publishes another", label)
	}
	return engine.OAuthSource{}, usagef("no file declares oauth_source %q.%s", label, engine.DidYouMean(label, labels))
}

// sourceLabel is the label of a source that is named by it, or by the reference.
func sourceLabel(name string) string {
	return strings.TrimPrefix(name, string(engine.KindOAuthSource)+".")
}

// isPinned says whether the keys of a source stand in the files.
func isPinned(s engine.OAuthSource) bool { return s.Has("oidc_jwks") || s.Has("oidc_jwks_file") }

// isRemote says whether the keys of a source are fetched.
func isRemote(s engine.OAuthSource) bool {
	return s.Has("oidc_jwks_url") || s.Has("oidc_well_known_url")
}

// discoveryPath is how the URL of a discovery document ends (OpenID Connect
// Discovery 1.0 §4).
const discoveryPath = "/.well-known/openid-configuration"

// whence says where an issuer publishes its keys: as --from says, as the source
// says, as its pinned document says, or as its profile knows.
func whence(s engine.OAuthSource, pinned jwks.Origin, from string) (jwks.Config, error) {
	for _, name := range []string{"oidc_jwks_url", "oidc_well_known_url", "issuer", "ca", "ca_file"} {
		if s.Unknown[name] {
			return jwks.Config{}, fmt.Errorf("its %s is absent here; it comes from env() or a file", name)
		}
	}
	cfg := jwks.Config{Issuer: s.Issuer, AnyIssuer: s.Issuer == "", AllowHTTP: s.AllowHTTP, CAPEM: []byte(s.CA.Content)}
	profile, _ := issuer.Lookup(s.Profile)
	switch {
	case isDiscovery(from):
		cfg.WellKnownURL = from
	case from != "":
		cfg.URL = from
	case isRemote(s):
		cfg.URL, cfg.WellKnownURL = s.JWKSURL, s.WellKnownURL
	case pinned.QueryLeftOut:
		return jwks.Config{}, errors.New("its URL had a query, which was left out of the file because it may be secret; name the whole URL with --from")
	case pinned.URL != "" || pinned.WellKnownURL != "":
		cfg.URL, cfg.WellKnownURL = pinned.URL, pinned.WellKnownURL
	case profile.JWKSURL(s.Issuer) != "":
		cfg.URL = profile.JWKSURL(s.Issuer)
	case profile.WellKnownURL(s.Issuer) != "":
		cfg.WellKnownURL = profile.WellKnownURL(s.Issuer)
	default:
		return jwks.Config{}, errors.New("neither its file nor a profile says where its issuer publishes them; name the URL with --from")
	}
	return cfg, nil
}

// isDiscovery says whether a URL is that of a discovery document.
func isDiscovery(address string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.HasSuffix(u.Path, discoveryPath)
}

// liveKeys are the keys that an issuer publishes now.
type liveKeys struct {
	keys    []jwks.Key
	skipped []jwks.Skipped
	url     string // without its query
}

// fetchKeys asks an issuer once, as the daemon would.
func fetchKeys(ctx context.Context, cfg jwks.Config) (liveKeys, error) {
	cache := jwks.NewCache(jwks.Options{FirstWait: time.Minute}) // a fetch ends before
	defer cache.Close()
	remote, err := cache.Remote(cfg)
	if err != nil {
		return liveKeys{}, err
	}
	set, err := remote.Set(ctx, "")
	if err != nil {
		return liveKeys{}, err
	}
	status := remote.Status()
	return liveKeys{set.Keys(), status.Skipped, status.URL}, nil
}

// keyName names a key for people. Its kid is a stranger's word.
func keyName(key jwks.Key) string {
	return fmt.Sprintf("key %s, thumbprint %s, %s", quotedKid(key.ID), key.Thumbprint, cmp.Or(key.Algorithm, "any algorithm that fits it"))
}

// quotedKid is a kid, printable and of bounded length.
func quotedKid(kid string) string {
	if kid == "" {
		return "without a kid"
	}
	const most = 64
	if runes := []rune(kid); len(runes) > most {
		kid = string(runes[:most]) + "…"
	}
	return strconv.Quote(kid)
}
