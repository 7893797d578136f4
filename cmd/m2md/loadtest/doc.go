// Package loadtest measures the built daemon under load against bare handlers
// of net/http, in one run, as ratios. It holds a test behind the build tag
// "load" and nothing else; `make bench` runs it.
package loadtest
