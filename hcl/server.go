package hcl

import "github.com/m2md/m2md/engine"

// defaultListen is where the server listens when no file says otherwise.
const defaultListen = "127.0.0.1:9440"

func serverBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "server", Single: true,
			Doc: "The listener that clients and proxies talk to.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{
				Name: "listen", Type: TypeString, Default: defaultListen,
				Doc:        "Where to listen. A change needs a restart.",
				Constraint: "HOST:PORT, or unix:///PATH.",
			}, check: checkListen},
			{AttributeDoc: AttributeDoc{
				Name: "external_url", Type: TypeString,
				Doc:        "The base of the issuer and of every URL that m2md publishes. It is never taken from a request.",
				Constraint: "An http or https URL without user, query, fragment, and without a slash at its end.",
			}, check: checkExternalURL},
			{AttributeDoc: AttributeDoc{
				Name: "trusted_proxies", Type: TypeStrings,
				Doc:        "Peers whose X-Forwarded-* and X-Original-* headers count.",
				Constraint: `Networks in CIDR form, or "unix" for peers on a unix socket.`,
			}, check: checkTrustedProxy},
			{AttributeDoc: AttributeDoc{Name: "issuer_mode", Type: TypeString, Words: []string{"m2md", "authentik", "global"}, Default: "m2md", Doc: "The issuer_mode of providers that neither have one nor a compat."}},
			{AttributeDoc: AttributeDoc{
				Name: "max_connections", Type: TypeInt, Default: "10000", Constraint: "16 or more.",
				Doc: "How many connections clients may have at a time. One address, unless a trusted proxy's, may have a quarter of them. Where there is no room, idle connections make some.",
			}, inRange: enoughConnections},
		},
		blocks: []*block{tlsBlock()},
		decode: func(v *values, spec *engine.Spec) { spec.Server = decodeServer(v) },
	}
}

func tlsBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "tls", Single: true,
			Doc: "Serves HTTPS. The certificate is taken up anew whenever its files change.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "certificate_file", Type: TypeFile, Doc: "The certificate and its chain, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "certificate", Type: TypeString, Doc: "The same, in the place of certificate_file."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "private_key_file", Type: TypeFile, Doc: "The private key, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "private_key", Type: TypeString, Secret: true, Doc: "The same, in the place of private_key_file, by env()."}, check: notEmpty},
		},
		choices: []choice{
			{names: []string{"certificate_file", "certificate"}, required: true},
			{names: []string{"private_key_file", "private_key"}, required: true},
		},
	}
}

func decodeServer(v *values) engine.Server {
	server := engine.Server{
		Decl:        v.decl,
		Listen:      v.str("listen"),
		ExternalURL: v.str("external_url"),
		IssuerMode:  v.str("issuer_mode"),

		MaxConnections: v.whole("max_connections"),
	}
	for _, peer := range v.strs("trusted_proxies") {
		if peer == "unix" {
			server.TrustUnix = true
			continue
		}
		if network, bad := parseNetwork(peer); bad == (fault{}) {
			server.TrustedProxies = append(server.TrustedProxies, network)
		}
	}
	if tls := v.one("tls"); tls != nil {
		server.TLS = &engine.TLS{
			Decl:        tls.decl,
			Certificate: tls.file("certificate_file", "certificate"),
			PrivateKey:  tls.file("private_key_file", "private_key"),
		}
	}
	return server
}
