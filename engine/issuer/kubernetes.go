package issuer

// kubernetes is a cluster's service accounts, signed with the cluster's keys.
// Many clusters call themselves by the same iss; their keys tell them apart.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func kubernetes() Profile {
	return Profile{Name: "kubernetes", Title: "Kubernetes service accounts"}
}
