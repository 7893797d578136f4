// Package lint finds what policies and mappings do that is valid and probably
// not meant: comparisons that never come out otherwise, patterns that match
// more than they say, claims that no token has.
//
// It owns the rules and the comments that silence them. It runs nothing, decides
// nothing, and is asked by those who judge a configuration, not by the daemon:
// what it finds are warnings and notes.
//
// What it knows of claims is what engine/issuer knows. It looks at claims only
// where every source that a policy is asked about has a profile.
package lint
