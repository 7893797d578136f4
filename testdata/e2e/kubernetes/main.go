// Kubernetes-tokens is a Kubernetes API server as far as m2md sees it: it writes
// the documents that one publishes about its keys, and service account tokens,
// all made by Kubernetes' own code. It is a module of its own so that m2md does
// not depend on Kubernetes; `make e2e` builds it.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"gopkg.in/go-jose/go-jose.v2/jwt"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// cluster is what is written to standard output.
type cluster struct {
	Issuer        string            `json:"issuer"`
	Account       string            `json:"account"` // uid of prom/prom-sa
	Configuration json.RawMessage   `json:"configuration"`
	Keys          json.RawMessage   `json:"keys"`
	MaxAge        int               `json:"max_age"` // of both documents, in seconds
	Tokens        map[string]string `json:"tokens"`
}

func main() {
	issuer := flag.String("issuer", "https://kubernetes.default.svc.cluster.local", "the cluster's --service-account-issuer")
	audience := flag.String("audience", "m2md", "whom the projected tokens are for")
	flag.Parse()
	made, err := newCluster(*issuer, *audience)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(made)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubernetes-tokens:", err)
		os.Exit(1)
	}
}

// newCluster makes a cluster with new keys, as after kubeadm init.
func newCluster(issuer, audience string) (*cluster, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &cluster{Issuer: issuer, Account: string(account("prom", "prom-sa").UID), Tokens: map[string]string{}}
	if err := c.publish(rsaKey, ecKey); err != nil {
		return nil, err
	}
	m := minter{audience: audience, tokens: c.Tokens}
	m.mint("projected", issuer, rsaKey, m.projected("prom", "prom-sa"))
	m.mint("projected_ec", issuer, ecKey, m.projected("prom", "prom-sa"))
	m.mint("other_account", issuer, rsaKey, m.projected("prom", "default"))
	m.mint("other_namespace", issuer, rsaKey, m.projected("evil", "prom-sa"))
	m.mint("api_server", issuer, rsaKey, forAPIServer(issuer))
	m.mint("expired", issuer, rsaKey, m.expired)
	m.mint("legacy", serviceaccount.LegacyIssuer, rsaKey, legacy)
	return c, m.err
}

// publish renders what the API server has at /.well-known/openid-configuration
// and /openid/v1/jwks.
func (c *cluster) publish(keys ...any) error {
	getter, err := serviceaccount.StaticPublicKeysGetter(keys)
	if err != nil {
		return err
	}
	address, err := url.Parse(c.Issuer)
	if err != nil {
		return err
	}
	provider, err := serviceaccount.NewOpenIDMetadataProvider(c.Issuer, "", address.Host, getter)
	if err != nil {
		return err
	}
	c.Configuration, c.MaxAge = provider.GetConfigJSON()
	c.Keys, _ = provider.GetKeysetJSON()
	return nil
}

// minter signs tokens until one cannot be signed.
type minter struct {
	audience string
	tokens   map[string]string
	err      error
}

// claimsMaker gives the claims of a token, as Kubernetes' generator wants them.
type claimsMaker func() (*jwt.Claims, any, error)

func (m *minter) mint(name, issuer string, key any, claims claimsMaker) {
	if m.err != nil {
		return
	}
	generator, err := serviceaccount.JWTTokenGenerator(issuer, key)
	if err != nil {
		m.err = err
		return
	}
	public, private, err := claims()
	if err != nil {
		m.err = err
		return
	}
	m.tokens[name], m.err = generator.GenerateToken(context.Background(), public, private)
}

// hour is what the kubelet asks for where a projected volume says nothing.
const hour = 60 * 60

// projected is the token that a projected volume puts into a pod.
func (m *minter) projected(namespace, name string) claimsMaker {
	return func() (*jwt.Claims, any, error) {
		return serviceaccount.Claims(account(namespace, name), pod(namespace), nil, node(), hour, 0, []string{m.audience})
	}
}

// expired is a projected token of three hours ago.
func (m *minter) expired() (*jwt.Claims, any, error) {
	public, private, err := m.projected("prom", "prom-sa")()
	if err != nil {
		return nil, nil, err
	}
	for _, date := range []*jwt.NumericDate{public.IssuedAt, public.NotBefore, public.Expiry} {
		*date -= jwt.NumericDate(3 * time.Hour / time.Second)
	}
	return public, private, nil
}

// forAPIServer is the token that every pod gets for the API server: it lives a
// year, and warns after an hour.
func forAPIServer(issuer string) claimsMaker {
	return func() (*jwt.Claims, any, error) {
		return serviceaccount.Claims(account("prom", "prom-sa"), pod("prom"), nil, node(),
			serviceaccount.ExpirationExtensionSeconds, serviceaccount.WarnOnlyBoundTokenExpirationSeconds, []string{issuer})
	}
}

// legacy is a token kept in a secret, as they were before Kubernetes 1.24.
func legacy() (*jwt.Claims, any, error) {
	holder := v1.ServiceAccount{ObjectMeta: account("prom", "prom-sa").ObjectMeta}
	secret := v1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "prom", Name: "prom-sa-token-x7k2p", UID: "c1b7a3de-0c53-43e4-8b6f-3d8a4b1f2e90"}}
	public, private := serviceaccount.LegacyClaims(holder, secret)
	return public, private, nil
}

// account is a service account. Each has another uid.
func account(namespace, name string) core.ServiceAccount {
	uid := map[string]string{
		"prom/prom-sa": "9c8e7d6f-5555-4a4c-9b60-1f8f0c2f0d6e",
		"prom/default": "0b61f6ad-77a4-4a53-8b4d-9f2f2d9f4c11",
		"evil/prom-sa": "5d2f8c3b-18f4-4a0e-a1c9-7e0b5a6c2d33",
	}[namespace+"/"+name]
	return core.ServiceAccount{ObjectMeta: object(namespace, name, uid)}
}

func pod(namespace string) *core.Pod {
	return &core.Pod{ObjectMeta: object(namespace, "prometheus-0", "0d8b260e-ef0e-45fb-be8e-ff44f97722e8")}
}

func node() *core.Node {
	return &core.Node{ObjectMeta: object("", "worker-1", "517eb86e-b863-451b-bf70-86cb61439a3a")}
}

func object(namespace, name, uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(uid)}
}
