//go:build !race

package main

// raceFlags build the daemon under the race detector where the tests are.
var raceFlags []string
