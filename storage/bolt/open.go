package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Options say which file to open.
type Options struct {
	Path    string        // of the file; its folder exists
	Timeout time.Duration // how long to wait for another owner; 0 stands for 1 s
}

// Faults of a file, each wrapped by the error of Open with its remedy.
var (
	ErrForeign     = errors.New("it is not a storage of m2md")
	ErrDamaged     = errors.New("it is damaged")
	ErrNewer       = errors.New("a newer m2md wrote it")
	ErrPermissions = errors.New("others than its owner may read or write it")
)

// schema is the version of the buckets' layout, in which this m2md writes. Of
// version 1, it makes version 2 as it opens the file: see upgrade.
const schema = 2

// magic is what the meta bucket of each of our files says it is.
const magic = "m2md storage"

// Open opens the file, or makes it where there is none. It fails with a
// *LockedError where another process has it, and never changes a file that is
// not a whole storage of m2md.
func Open(opts Options) (*Store, error) {
	s, err := open(opts.Path, cmp.Or(opts.Timeout, time.Second))
	if locked, ok := errors.AsType[*LockedError](err); ok {
		return nil, locked
	}
	if err != nil {
		return nil, fmt.Errorf("opening storage %s: %w", opts.Path, err)
	}
	return s, nil
}

func open(path string, timeout time.Duration) (*Store, error) {
	if err := checkFile(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	// Read-only first: opening for writing changes some files that are not ours.
	seen, _, err := openBolt(path, &bbolt.Options{Timeout: timeout, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	err = errors.Join(guard(func() error { return inspect(seen) }), seen.Close())
	if err != nil {
		return nil, err
	}
	db, file, err := openBolt(path, &bbolt.Options{Timeout: timeout, FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return nil, err
	}
	recent, err := lru.New[string, decoded](recentPasswords)
	if err != nil {
		panic(err) // only for a size below one
	}
	if err := guard(func() error { return upgrade(db) }); err != nil {
		return nil, errors.Join(fmt.Errorf("making version %d of its layout: %w", schema, err), db.Close())
	}
	return &Store{db: db, file: file, path: path, recent: recent}, nil
}

// checkFile refuses what can be refused by looking at the folder's entry.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file; name another path", ErrForeign)
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty; restore a backup, or delete it to begin anew", ErrDamaged)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows": // which has no such bits
		return fmt.Errorf("%w: run chmod 600 on it, and rotate its keys where somebody may have read them", ErrPermissions)
	}
	return nil
}

// create makes the file whole under another name first, so that no crash
// leaves half of one under its own.
func create(path string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	if err := draft.Close(); err != nil {
		return err
	}
	if err := initialize(draft.Name()); err != nil {
		return err
	}
	// A link, unlike renaming, never replaces the file of a process that was quicker.
	err = os.Link(draft.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = copyNew(path, draft.Name()) // some file systems have no links
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// copyNew copies a small file to a path where there is none.
func copyNew(path, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// initialize writes the buckets of an empty storage.
func initialize(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append(passwordBuckets(), metaBucket, keyBucket) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		return errors.Join(meta.Put(magicKey, []byte(magic)), meta.Put(schemaKey, []byte(strconv.Itoa(schema))))
	})
	return errors.Join(err, db.Close())
}

// syncFolder makes a new name in the folder survive the loss of power.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // where folders can not be synced, and need not be
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// openBolt opens a bbolt file, and holds neither lock nor descriptor where that fails.
func openBolt(path string, opts *bbolt.Options) (db *bbolt.DB, file *os.File, err error) {
	opts.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
		return file, err
	}
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, opts)
		return err
	})
	if err == nil {
		return db, file, nil
	}
	if file != nil && errors.Is(err, ErrDamaged) { // it panicked; otherwise bbolt tidies up
		abandon(file)
	}
	return nil, nil, explain(path, err)
}

// explain turns an error of opening into one with a remedy.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return lockedBy(path)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrChecksum),
		errors.Is(err, bbolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w, or its beginning is damaged (%w); name another path, or restore a backup", ErrForeign, err)
	case errors.Is(err, ErrDamaged):
		return err
	}
	if _, system := errors.AsType[syscall.Errno](err); system {
		return err // it is not the file's fault
	}
	return fmt.Errorf("%w (%w); restore a backup", ErrDamaged, err)
}

// inspect says whether an open file is a whole storage of ours.
func inspect(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(db.Path())
		if err != nil {
			return err
		}
		// Beyond the end of the file, the mapping faults.
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: it was cut off, to %d of %d bytes; restore a backup", ErrDamaged, info.Size(), tx.Size())
		}
		return inspectBuckets(tx)
	})
}

func inspectBuckets(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || string(meta.Get(magicKey)) != magic {
		return fmt.Errorf("%w, but a bbolt file of another program; name another path", ErrForeign)
	}
	found, err := strconv.Atoi(string(meta.Get(schemaKey)))
	switch {
	case err != nil || found < 1:
		return fmt.Errorf("%w: it states no version; restore a backup", ErrDamaged)
	case found > schema:
		return fmt.Errorf("%w: it has schema %d, and this m2md knows %d; install that m2md, or restore an older backup", ErrNewer, found, schema)
	}
	required := append(passwordBuckets(), keyBucket)
	if found == 1 {
		required = [][]byte{passwordBucket, accountBucket, keyBucket}
	}
	for _, name := range required {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: its bucket %s is missing; restore a backup", ErrDamaged, name)
		}
	}
	return nil
}

// guard runs f and makes an error of what bbolt answers to a damaged file: a
// panic, or a fault where a page number points nowhere.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w (%v); restore a backup", ErrDamaged, cause)
		}
	}()
	return f()
}
