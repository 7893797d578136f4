package issuer

import "time"

// kubernetes is a cluster's service accounts, signed with the cluster's keys.
// Many clusters call themselves by the same iss; their keys tell them apart.
//
// Seen in the code that signs (pkg/serviceaccount/claims.go of kubernetes, at
// 031075d1 and, with node and jti, at 0f2328c0 of a fork) and in
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/.
// The tokens of version 1.23 and before, kept in secrets, have another form, no
// exp and no aud, and the iss kubernetes/serviceaccount: they are not of this
// profile.
func kubernetes() Profile {
	return Profile{
		Name:  "kubernetes",
		Title: "Kubernetes service accounts",
		IssuerForms: []IssuerForm{
			// https://docs.aws.amazon.com/eks/latest/userguide/irsa-fetch-keys.html
			{Form{"https://oidc.eks.REGION.amazonaws.com/id/ID", whole(`https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/[0-9A-Za-z]+`)}, wellKnown, "${0}/keys"},
			// The form was seen in copies of Microsoft's guide to workload identity on
			// AKS; the address of the keys could not be verified.
			{Form{"https://REGION.oic.prod-aks.azure.com/TENANT/ID/", whole(`https://[a-z0-9-]+\.oic\.prod-aks\.azure\.com/` + uuid + `/` + uuid + `/`)}, "${0}.well-known/openid-configuration", ""},
			// Seen in public configurations (Google Cloud's own tests for Anthos); the
			// address of the keys could not be verified.
			{Form{"https://container.googleapis.com/v1/projects/PROJECT/locations/LOCATION/clusters/CLUSTER", whole(`https://container\.googleapis\.com/v1/projects/[a-z0-9:.-]+/(?:locations|zones)/[a-z0-9-]+/clusters/[a-z0-9-]+`)}, wellKnown, ""},
			// Whatever --service-account-issuer says. The API server has the key set at
			// /openid/v1/jwks (JWKSPath), but iss need not be its address.
			{Form{"https://HOST/PATH", whole(`https://` + authority + urlPath)}, wellKnown, ""},
		},
		// The API server's own: its iss, unless --api-audiences says other. An aud
		// that equals iss is the same trap.
		DefaultAudiences: []Form{
			exactly("https://kubernetes.default.svc"),
			exactly("https://kubernetes.default.svc.cluster.local"),
			exactly("kubernetes.default.svc"),
		},
		// A file, which the kubelet renews before it expires.
		Replay: Reused,
		// expirationSeconds of a projected volume, unless set. The one for the API
		// server lives a year (ExpirationExtensionSeconds).
		Lifetime: time.Hour,
		claims:   kubernetesClaims,
		example:  kubernetesExample,
	}
}

func kubernetesClaims() []Claim {
	claims := []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: Strings, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		// Feature gate ServiceAccountTokenJTI; the version is from memory.
		{Path: path("jti"), Type: String, Kind: Protocol, When: "since Kubernetes 1.30"},
		// system:serviceaccount:NAMESPACE:NAME, a name only: whoever can make the
		// namespace and the account again gets it.
		{Path: path("sub"), Type: String, Kind: Subject, Stable: path("kubernetes.io", "serviceaccount", "uid")},

		{Path: path("kubernetes.io"), Type: Object, Kind: Attribute},
		// An account is of one namespace: its uid stands for both.
		{Path: path("kubernetes.io", "namespace"), Type: String, Kind: MutableName, Stable: path("kubernetes.io", "serviceaccount", "uid")},
		// A date, for the API server's own token.
		{Path: path("kubernetes.io", "warnafter"), Type: Number, Kind: Protocol, When: "in the token that every pod gets for the API server"},
	}
	claims = append(claims, kubernetesReference("serviceaccount", "")...)
	claims = append(claims, kubernetesReference("pod", "when it is bound to a pod")...)
	// Feature gate ServiceAccountTokenPodNodeInfo; the version is from memory.
	claims = append(claims, kubernetesReference("node", "when it is bound to a node, or to a pod on one, since Kubernetes 1.30")...)
	return append(claims, kubernetesReference("secret", "when it is bound to a secret")...)
}

// kubernetesReference is an object with the name and uid of another.
func kubernetesReference(to, when string) []Claim {
	return []Claim{
		{Path: path("kubernetes.io", to), Type: Object, Kind: Attribute, When: when},
		{Path: path("kubernetes.io", to, "name"), Type: String, Kind: MutableName, Stable: path("kubernetes.io", to, "uid")},
		{Path: path("kubernetes.io", to, "uid"), Type: String, Kind: StableID},
	}
}

func kubernetesExample() map[string]any {
	return map[string]any{
		"iss": "https://kubernetes.default.svc.cluster.local",
		"aud": []any{"m2md"},
		"exp": exampleTime(time.Hour),
		"iat": exampleTime(0),
		"nbf": exampleTime(0),
		"jti": "e51f1fbc-4733-4b85-a59f-ba80c0523874",
		"sub": "system:serviceaccount:monitoring:prometheus",
		"kubernetes.io": map[string]any{
			"namespace":      "monitoring",
			"serviceaccount": map[string]any{"name": "prometheus", "uid": "e6a8680e-d103-4cce-80ea-03acbbeacf7d"},
			"pod":            map[string]any{"name": "prometheus-0", "uid": "0d8b260e-ef0e-45fb-be8e-ff44f97722e8"},
			"node":           map[string]any{"name": "worker-1", "uid": "517eb86e-b863-451b-bf70-86cb61439a3a"},
		},
	}
}
