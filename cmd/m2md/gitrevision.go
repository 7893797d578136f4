package main

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/m2md/m2md/engine/serve"
)

// Bounds of what is read of a repository.
const (
	maxRefFile    = 4 << 10
	maxPackedRefs = 64 << 20
	maxRefSteps   = 5  // of one ref that is another's name
	maxTreeDepth  = 64 // of a configuration in its work tree
)

// gitRevision is what HEAD of the Git work tree is in which a path lies; the zero
// value where it lies in none, or in one of a form that is not known. No program
// is run, and nothing of the repository is taken for more than a name: whether
// the files are those of the commit is not looked at.
//
// Source: gitrepository-layout(5), git-worktree(1), git-pack-refs(1).
func gitRevision(path string) serve.Revision {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return serve.Revision{}
	}
	for range maxTreeDepth {
		if dir, found := gitFolder(filepath.Join(real, ".git")); found {
			return headOf(dir)
		}
		if filepath.Dir(real) == real {
			break
		}
		real = filepath.Dir(real)
	}
	return serve.Revision{}
}

// gitFolder is where the HEAD of a work tree is: .git, or what it names where it
// is a file, as in worktrees and submodules.
func gitFolder(path string) (dir string, found bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	if info.IsDir() {
		return path, true
	}
	text, err := readSmall(path)
	named, is := strings.CutPrefix(text, "gitdir: ")
	if err != nil || !is {
		return "", true // a work tree all the same, of an unknown form
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(filepath.Dir(path), named)
	}
	return filepath.Clean(named), true
}

// commitForm is the name of a commit, SHA-1 or SHA-256.
var commitForm = regexp.MustCompile(`\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z`)

// refForm is the name of a ref as Git allows it, as far as a path could lead
// astray or a terminal be steered.
var refForm = regexp.MustCompile(`\Arefs(?:/[A-Za-z0-9_+@=,%#][A-Za-z0-9._+@=,%#-]*)+\z`)

// headOf follows HEAD to a commit.
func headOf(dir string) serve.Revision {
	if dir == "" {
		return serve.Revision{}
	}
	common := dir
	if text, err := readSmall(filepath.Join(dir, "commondir")); err == nil { // of a worktree
		if common = text; !filepath.IsAbs(text) {
			common = filepath.Join(dir, text)
		}
	}
	var head serve.Revision
	text, err := readSmall(filepath.Join(dir, "HEAD"))
	for range maxRefSteps {
		name, isName := strings.CutPrefix(text, "ref: ")
		switch {
		case err != nil:
			return serve.Revision{}
		case !isName && commitForm.MatchString(text):
			head.Commit = text
			return head
		case !isName || !refForm.MatchString(name) || strings.Contains(name, ".."):
			return serve.Revision{}
		}
		if head.Ref == "" {
			head.Ref = name
		}
		text, err = readRef(dir, common, name)
	}
	return serve.Revision{}
}

// readRef is what a ref holds: a file of its own, in the worktree or in what all
// of them share, or a line of packed-refs.
func readRef(dir, common, name string) (string, error) {
	for _, folder := range []string{dir, common} {
		text, err := readSmall(filepath.Join(folder, filepath.FromSlash(name)))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	file, err := openRegular(filepath.Join(common, "packed-refs"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxPackedRefs))
	for lines.Scan() {
		if commit, packed, _ := strings.Cut(lines.Text(), " "); packed == name {
			return commit, nil
		}
	}
	return "", errors.Join(fs.ErrNotExist, lines.Err())
}

// readSmall reads a file of one line, without the line's end.
func readSmall(path string) (string, error) {
	file, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxRefFile))
	return strings.TrimRight(string(content), "\r\n"), err
}

// openRegular opens a regular file; another kind may block or have no end.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, errors.Join(err, errors.New("no regular file"))
	}
	return file, nil
}
