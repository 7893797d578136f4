//go:build !unix

package main

// isReadOnly says whether a file system refuses to be written; here that is
// always told as a missing permission.
func isReadOnly(error) bool { return false }
