package issuer

// circleci is CircleCI, whose iss and keys are those of one organization.
// https://circleci.com/docs/openid-connect-tokens/
func circleci() Profile {
	return Profile{Name: "circleci", Title: "CircleCI"}
}
