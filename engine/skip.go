package engine

import "strings"

// skipPath is a path that needs no proof: exact, or everything below a folder.
type skipPath struct {
	path  string // without the star; ends in / for a folder
	below bool
}

func parseSkipPath(s string) skipPath {
	folder, below := strings.CutSuffix(s, "*")
	return skipPath{folder, below}
}

// skips says whether the path of a request is open to everybody. A path that
// two servers may read differently is not: it could be another one upstream.
func (f *forwardAuth) skips(path string) bool {
	if path == "" || len(f.skip) == 0 || ambiguous(path) {
		return false
	}
	for _, skip := range f.skip {
		if path == skip.path || skip.below && strings.HasPrefix(path, skip.path) {
			return true
		}
	}
	return false
}

// ambiguous says whether a path could be normalised into another one: dot
// segments, empty segments, path parameters, fragments (nginx cuts them off
// before it resolves dots), backslashes, anything encoded, and bytes that
// should have been, among them overlong forms of the dot.
func ambiguous(path string) bool {
	return path[0] != '/' ||
		strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' }) ||
		strings.ContainsAny(path, `%;\#`) ||
		strings.Contains(path, "//") ||
		strings.Contains(path, "/./") || strings.HasSuffix(path, "/.") ||
		strings.Contains(path, "/../") || strings.HasSuffix(path, "/..")
}
