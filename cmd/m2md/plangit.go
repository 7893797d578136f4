package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is taken from one revision.
const (
	maxGitNames = 200_000
	maxGitFile  = 1 << 20 // a larger one is no configuration, and is written without content
	maxGitBytes = 256 << 20
	maxGitLinks = 8 // that lead to each other
)

// gitRepository asks the git program for objects, and for nothing else: plumbing
// that runs no hook, filter, pager, transport or file system monitor, whatever
// the files of a repository say. The program is there wherever a work tree is,
// and reads every form that an object store has had.
type gitRepository struct {
	ctx context.Context
	dir string // where it is asked from
}

// run runs a command of git, and gives what it says.
func (r gitRepository) run(stdin io.Reader, args ...string) ([]byte, error) {
	fixed := []string{
		"-C", r.dir, "--no-pager", "--no-replace-objects", "--literal-pathspecs", "--no-optional-locks",
		// A folder of the work tree that looks like a repository is not one.
		"-c", "safe.bareRepository=explicit",
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "core.attributesFile=" + os.DevNull,
		"-c", "protocol.allow=never", "-c", "credential.helper=",
	}
	cmd := exec.CommandContext(r.ctx, "git", append(fixed, args...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(one string) bool { return strings.HasPrefix(one, "GIT_") }),
		"GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	cmd.Stdin = stdin
	var out bytes.Buffer
	var told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("the git program is needed to read revisions, and is not there; compare two folders instead")
		}
		return nil, fmt.Errorf("git %s: %s", args[0], cmp.Or(plainLine(strings.TrimSpace(told.String())), err.Error()))
	}
	return out.Bytes(), nil
}

// objectID is how git names a commit, in full.
var objectID = regexp.MustCompile(`\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z`)

// commit finds the commit that a name stands for.
func (r gitRepository) commit(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "-") {
		return "", usagef("--git: %q names no revision", name)
	}
	out, err := r.run(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	id := strings.TrimSpace(string(out))
	if err != nil || !objectID.MatchString(id) {
		return "", fmt.Errorf("there is no revision %q here; in CI, fetch it first, as by fetch-depth: 0", name)
	}
	return id, nil
}

// gitSides are both sides of --git.
func gitSides(ctx context.Context, of, config string, allowed []string) (was, is *planSide, done func(), err error) {
	where, below, err := aboveOf(config)
	if err != nil {
		return nil, nil, nil, err
	}
	r := gitRepository{ctx, where}
	prefix, err := r.run(nil, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, nil, nil, err
	}
	here := strings.TrimSuffix(strings.TrimSuffix(string(prefix), "\n"), "/")
	oldName, newName, ranged := strings.Cut(of, "...")
	fork := ranged
	if !ranged {
		oldName, newName, ranged = strings.Cut(of, "..")
	}
	if ranged {
		newName = cmp.Or(newName, "HEAD")
	}
	old, err := r.commit(oldName)
	if err != nil {
		return nil, nil, nil, err
	}
	temporary, err := os.MkdirTemp("", "m2md-plan-")
	if err != nil {
		return nil, nil, nil, err
	}
	done = func() { os.RemoveAll(temporary) } //nolint:errcheck // the system clears its folder
	defer func() {
		if err != nil {
			done()
		}
	}()
	if !ranged {
		if is, err = workTree(config); err == nil {
			was, err = r.side(oldName, old, here, below, allowed, filepath.Join(temporary, "old"))
		}
		return was, is, done, err
	}
	now, err := r.commit(newName)
	if err != nil {
		return nil, nil, done, err
	}
	if fork {
		base, failed := r.run(nil, "merge-base", old, now)
		if old = strings.TrimSpace(string(base)); failed != nil || !objectID.MatchString(old) {
			return nil, nil, done, fmt.Errorf("%s and %s have no common history here; in CI, fetch all of it, as by fetch-depth: 0", oldName, newName)
		}
	}
	if was, err = r.side(oldName, old, here, below, allowed, filepath.Join(temporary, "old")); err != nil {
		return nil, nil, done, err
	}
	if is, err = r.side(newName, now, here, below, allowed, filepath.Join(temporary, "new")); err != nil {
		return nil, nil, done, err
	}
	if is.missing {
		err = fmt.Errorf("%s has no configuration %s", newName, cmp.Or(config, "m2md.d or m2md.hcl"))
	}
	return was, is, done, err
}

// workTree is the configuration as it lies there.
func workTree(config string) (*planSide, error) {
	for _, one := range candidateConfigs(config) {
		if _, err := os.Stat(one); err == nil {
			return &planSide{name: "the work tree", path: one}, nil
		}
	}
	return nil, fmt.Errorf("there is no configuration %s", cmp.Or(config, "m2md.d or m2md.hcl"))
}

func candidateConfigs(config string) []string {
	if config != "" {
		return []string{config}
	}
	return []string{"m2md.d", "m2md.hcl"}
}

// aboveOf is the folder that git is asked from, and the configuration relative
// to it, which need not be there now.
func aboveOf(config string) (dir, below string, err error) {
	if config == "" {
		return ".", "", nil
	}
	if !filepath.IsAbs(config) && filepath.IsLocal(config) {
		return ".", filepath.ToSlash(filepath.Clean(config)), nil
	}
	abs, err := filepath.Abs(config)
	if err != nil {
		return "", "", err
	}
	dir = filepath.Dir(abs)
	for rest := filepath.Base(abs); ; {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, filepath.ToSlash(rest), nil
		}
		if filepath.Dir(dir) == dir {
			return "", "", usagef("--config: %s lies in no repository", config)
		}
		dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest)
	}
}

// side writes what a commit has of the configuration below a folder that nobody
// else has, and says where.
func (r gitRepository) side(name, commit, here, below string, allowed []string, to string) (*planSide, error) {
	side := &planSide{name: name, root: to}
	for _, one := range candidateConfigs(below) {
		at := path.Join(here, one)
		if strings.HasPrefix(at, "..") {
			return nil, usagef("--config: %s lies outside of the repository", one)
		}
		kind := r.kind(commit, at)
		if kind == "" {
			continue
		}
		roots := []string{at}
		if kind == "blob" { // what stands beside it can be read, too
			roots = []string{path.Dir(at)}
		}
		for _, one := range allowed {
			if filepath.IsLocal(one) {
				roots = append(roots, path.Join(here, filepath.ToSlash(one)))
			}
		}
		side.path = filepath.Join(to, filepath.FromSlash(at))
		return side, r.extract(commit, roots, to)
	}
	side.missing = true
	return side, nil
}

// kind is what a commit has at a path: "blob" or "tree"; "" for nothing.
func (r gitRepository) kind(commit, at string) string {
	if at == "." || at == "" {
		return "tree"
	}
	out, err := r.run(nil, "cat-file", "-t", commit+":"+at)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// gitFile is a file or a link of a revision.
type gitFile struct {
	id   string
	size int64
	link bool
}

// extract writes the files below some folders of a commit. Links are not made:
// what one leads to in the same revision is written in its place, and one that
// leads to anything else leads nowhere.
func (r gitRepository) extract(commit string, roots []string, to string) error {
	files, err := r.list(commit, roots)
	if err != nil {
		return err
	}
	contents, err := r.contents(files)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, file := range files {
		if file.link {
			target, err := ledTo(files, contents, name)
			if err != nil {
				return err
			}
			if target == "" && strings.HasSuffix(strings.TrimSuffix(name, ".json"), ".hcl") { // what it declares would look like what is removed
				return fmt.Errorf("%s is a link to what the revision has not", plainLine(name))
			}
			if target == "" {
				continue
			}
			file = files[target]
		}
		if err := writeBelow(root, name, file, contents[file.id]); err != nil {
			return err
		}
	}
	return nil
}

// list tells what a commit has below some folders.
func (r gitRepository) list(commit string, roots []string) (map[string]gitFile, error) {
	args := []string{"ls-tree", "-r", "-l", "-z", "--full-tree", commit}
	if !slices.Contains(roots, ".") && !slices.Contains(roots, "") {
		args = append(append(args, "--"), roots...)
	}
	out, err := r.run(nil, args...)
	if err != nil {
		return nil, err
	}
	files := map[string]gitFile{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 4 || fields[1] != "blob" || !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name {
			continue // a submodule, or what no work tree could hold
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil || !objectID.MatchString(fields[2]) {
			continue
		}
		files[name] = gitFile{id: fields[2], size: size, link: fields[0] == "120000"}
		if len(files) > maxGitNames {
			return nil, fmt.Errorf("the revision has more than %d files where the configuration is", maxGitNames)
		}
	}
	return files, nil
}

// contents reads the objects of files that are not too large to be of use.
func (r gitRepository) contents(files map[string]gitFile) (map[string][]byte, error) {
	var asked strings.Builder
	total := int64(0)
	contents := map[string][]byte{}
	for _, file := range files {
		if _, seen := contents[file.id]; seen || file.size > maxGitFile {
			continue
		}
		contents[file.id] = nil
		fmt.Fprintln(&asked, file.id)
		if total += file.size; total > maxGitBytes {
			return nil, fmt.Errorf("the revision has more than %d bytes where the configuration is; keep it in a folder of its own", maxGitBytes)
		}
	}
	out, err := r.run(strings.NewReader(asked.String()), "cat-file", "--batch", "--buffer")
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for {
		head, err := in.ReadString('\n')
		if err == io.EOF {
			return contents, nil
		}
		fields := strings.Fields(head)
		if err != nil || len(fields) != 3 || fields[1] != "blob" {
			return nil, errors.New("the repository lacks objects of the revision; fetch them first")
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil || size > maxGitFile {
			return nil, errors.New("git told another size than before")
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(in, content); err != nil {
			return nil, err
		}
		contents[fields[0]] = content
		if _, err := in.Discard(1); err != nil {
			return nil, err
		}
	}
}

// ledTo is the file that a link leads to; "" where it leads to none of the
// revision.
func ledTo(files map[string]gitFile, contents map[string][]byte, name string) (string, error) {
	at := name
	for range maxGitLinks {
		target := string(contents[files[at].id])
		if path.IsAbs(target) || strings.ContainsRune(target, 0) {
			return "", nil
		}
		at = path.Join(path.Dir(at), target)
		file, there := files[at]
		switch {
		case there && !file.link:
			return at, nil
		case there:
		case at == "." || slices.ContainsFunc(keysOf(files), func(one string) bool { return strings.HasPrefix(one, at+"/") }):
			return "", fmt.Errorf("%s is a link to a folder, which is not followed in a revision; compare two folders instead", plainLine(name))
		default:
			return "", nil
		}
	}
	return "", nil
}

func keysOf[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for one := range m {
		all = append(all, one)
	}
	return all
}

// writeBelow writes one file. One that is too large is written as one that the
// reader finds too large.
func writeBelow(root *os.Root, name string, file gitFile, content []byte) error {
	local := filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(local), 0o700); err != nil {
		return fmt.Errorf("writing a file of the revision: %w", err)
	}
	out, err := root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a file of the revision: %w", err)
	}
	if file.size > maxGitFile {
		err = out.Truncate(maxGitFile + 1)
	} else {
		_, err = out.Write(content)
	}
	return errors.Join(err, out.Close())
}
