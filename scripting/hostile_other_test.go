//go:build !linux

package scripting_test

import "testing"

// limit and residentMemory are for Linux; elsewhere the corpus is held to its
// ends and times only.
func limit(*testing.T) {}

func residentMemory(*testing.T) int64 { return 0 }
