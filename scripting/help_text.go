package scripting

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/dop251/goja"
	"golang.org/x/text/unicode/norm"
)

// ipInNetwork says whether an address lies in a network, or in any of several.
func ipInNetwork(c help) goja.Value {
	text := c.text(0, "ip")
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" {
		c.fail("wants an IP address for ip, such as 192.0.2.1")
	}
	ip = ip.Unmap()
	inside := false
	for _, one := range c.texts(1, "networks") { // all are read, so that a wrong one never waits for its day
		network, err := parseNetwork(one)
		if err != nil {
			c.fail("was given an invalid network: %s", err)
		}
		inside = inside || network.Contains(ip)
	}
	return c.answer(inside)
}

// parseNetwork reads a network, or an address, which is a network of one.
func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.Zone() != "" {
			return netip.Prefix{}, errors.New("write it as 192.0.2.0/24, or 2001:db8::/32")
		}
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	if network.Addr().Is4In6() {
		if network.Bits() < 96 {
			return netip.Prefix{}, errors.New("it is neither of IPv4 nor of IPv6")
		}
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
	}
	if network != network.Masked() {
		return netip.Prefix{}, fmt.Errorf("it has bits beyond its length: %s would be right", network.Masked())
	}
	return network, nil
}

// slugify makes of a text what can stand in names and paths, as Django does:
// letters and digits of ASCII, _, and single dashes between them, lower case.
func slugify(c help) goja.Value {
	text := c.text(0, "text")
	c.run.spend(product(4, len(text)))
	var out strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(text) {
		switch {
		case r == '-' || unicode.IsSpace(r):
			dash = true
		case r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if dash && out.Len() > 0 {
				out.WriteByte('-')
			}
			out.WriteRune(unicode.ToLower(r))
			dash = false
		}
	}
	return c.made(strings.Trim(out.String(), "-_"))
}
