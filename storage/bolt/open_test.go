package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/storage/bolt"
	"github.com/m2md/m2md/storage/storagetest"
)

// whole makes a storage file with some records in it, and returns its content.
func whole(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.db")
	s := open(t, path)
	for i := range 40 {
		if err := s.CreateAppPassword(t.Context(), storagetest.Password(fmt.Sprintf("id-%04d", i), "prometheus")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// foreign makes a bbolt file that fill fills, and returns its content.
func foreign(t *testing.T, opts *bbolt.Options, fill func(*bbolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(path, 0o600, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fill), db.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestAFileThatIsNotAWholeStorageIsRefusedAndLeftAlone(t *testing.T) {
	good := whole(t)
	page := os.Getpagesize()
	meta := func(magic, schema string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("meta"))
			return errors.Join(err, b.Put([]byte("magic"), []byte(magic)), b.Put([]byte("schema"), []byte(schema)))
		}
	}
	nothing := func(*bbolt.Tx) error { return nil }
	tests := []struct {
		name    string
		content []byte
		want    error
		remedy  string
	}{
		{"empty", nil, bolt.ErrDamaged, "restore a backup, or delete it to begin anew"},
		{"one byte", good[:1], bolt.ErrForeign, "name another path, or restore a backup"},
		{"text", []byte(strings.Repeat("server { listen = \"127.0.0.1:9440\" }\n", 1000)), bolt.ErrForeign, "name another path"},
		{"short text", []byte("hello\n"), bolt.ErrForeign, "name another path"},
		{"PNG", append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 9000)...), bolt.ErrForeign, "name another path"},
		{"zeros", make([]byte, len(good)), bolt.ErrForeign, "restore a backup"},
		{"cut off in its first page", good[:page/2], bolt.ErrForeign, "restore a backup"},
		{"cut off after its first page", good[:page], bolt.ErrDamaged, "restore a backup"},
		{"cut off after its metas", good[:2*page], bolt.ErrDamaged, "it was cut off"},
		{"cut off in its last record", good[:bytes.LastIndex(good, []byte(`"sha256"`))], bolt.ErrDamaged, "it was cut off"},
		{"another program's", foreign(t, nil, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("key")); return err }), bolt.ErrForeign, "a bbolt file of another program"},
		{"another program's meta", foreign(t, nil, meta("etcd", "1")), bolt.ErrForeign, "name another path"},
		// Opened for writing, bbolt would add a freelist to this one.
		{"another program's without a freelist", foreign(t, &bbolt.Options{NoFreelistSync: true}, meta("etcd", "1")), bolt.ErrForeign, "name another path"},
		{"bbolt's without anything", foreign(t, nil, nothing), bolt.ErrForeign, "name another path"},
		{"a newer m2md's", foreign(t, nil, meta("m2md storage", "3")), bolt.ErrNewer, "install that m2md"},
		{"ours without a version", foreign(t, nil, meta("m2md storage", "")), bolt.ErrDamaged, "restore a backup"},
		{"ours without its buckets", foreign(t, nil, meta("m2md storage", "2")), bolt.ErrDamaged, "its bucket app_passwords is missing"},
		{"ours of version 1 without its buckets", foreign(t, nil, meta("m2md storage", "1")), bolt.ErrDamaged, "its bucket app_passwords is missing"},
		{"ours with a freelist that is none", pointed(good, page, freelistAt, 0), bolt.ErrDamaged, "restore a backup"},
		{"ours with a freelist far away", pointed(good, page, freelistAt, 1<<40), bolt.ErrDamaged, "restore a backup"},
		{"ours with a root far away", pointed(good, page, rootAt, 1<<30), bolt.ErrDamaged, "restore a backup"},
		{"ours with pages of noise", noisy(good, page), bolt.ErrDamaged, "restore a backup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m2md.db")
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second: neither lock nor descriptor stayed behind
				s, err := bolt.Open(bolt.Options{Path: path})
				if err == nil {
					s.Close()
					t.Fatal("it was opened")
				}
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.remedy) || !strings.HasPrefix(err.Error(), "opening storage "+path+": ") {
					t.Errorf("Open: %v\nwant %q with %q", err, tt.want, tt.remedy)
				}
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, tt.content) {
				t.Errorf("the file was changed (%v)", err)
			}
			if others, err := os.ReadDir(filepath.Dir(path)); err != nil || len(others) != 1 {
				t.Errorf("the folder holds %v, %v, want the file alone", others, err)
			}
		})
	}
}

// Where a meta page keeps page numbers: behind the page's header of 16 bytes,
// magic, version, page size and flags.
const (
	rootAt     = 16 + 16
	freelistAt = 16 + 32
)

// pointed returns content with both metas pointing somewhere else, their
// checksums (FNV-1a over what stands before) made to fit.
func pointed(content []byte, page, at int, to uint64) []byte {
	content = bytes.Clone(content)
	for _, meta := range [][]byte{content[:page], content[page : 2*page]} {
		binary.NativeEndian.PutUint64(meta[at:], to)
		sum := uint64(14695981039346656037)
		for _, b := range meta[16 : 16+56] {
			sum = (sum ^ uint64(b)) * 1099511628211
		}
		binary.NativeEndian.PutUint64(meta[16+56:], sum)
	}
	return content
}

// noisy returns content whose metas are whole and all else is not.
func noisy(content []byte, page int) []byte {
	content = bytes.Clone(content)
	for i := 2 * page; i < len(content); i++ {
		content[i] = byte(i*i>>3) | 1
	}
	return content
}

func TestDamageFoundLaterIsAnErrorAndDoesNotHang(t *testing.T) {
	content, page := whole(t), os.Getpagesize()
	// All pages that hold records of app passwords, and those alone.
	damaged := 0
	for start := 2 * page; start < len(content); start += page {
		if body := content[start : start+page]; bytes.Contains(body, []byte(`"sha256"`)) {
			damaged++
			for i := range body {
				body[i] = 0xff
			}
		}
	}
	if damaged == 0 {
		t.Fatal("no page was damaged")
	}
	path := filepath.Join(t.TempDir(), "m2md.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if _, err := s.AppPassword(t.Context(), "id-0001"); !errors.Is(err, bolt.ErrDamaged) {
		t.Errorf("AppPassword: %v, want ErrDamaged", err)
	}
	for range 2 { // the second must not wait for a lock that the first left behind
		if err := s.CreateAppPassword(t.Context(), storagetest.Password("id-9999", "x")); !errors.Is(err, bolt.ErrDamaged) {
			t.Errorf("CreateAppPassword: %v, want ErrDamaged", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestAFileThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "m2md.db")
	open(t, path).Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("a new file has %v, %v, want 0600", info.Mode(), err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := bolt.Open(bolt.Options{Path: path})
		if !errors.Is(err, bolt.ErrPermissions) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("with %o: %v, want ErrPermissions", mode, err)
		}
	}
}

func TestAPathThatCannotBeAFileSaysSo(t *testing.T) {
	folder := t.TempDir()
	if _, err := bolt.Open(bolt.Options{Path: folder}); !errors.Is(err, bolt.ErrForeign) {
		t.Errorf("a folder: %v, want ErrForeign", err)
	}
	if _, err := bolt.Open(bolt.Options{Path: filepath.Join(folder, "missing", "m2md.db")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v, want ErrNotExist", err)
	}
}

// Whoever is slower finds the file of the quicker, and no draft stays behind.
func TestOfManyWhoMakeTheFileAtOnceOneOwnsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	var mu sync.Mutex
	var wg sync.WaitGroup
	owners := 0
	for range 8 {
		wg.Go(func() {
			s, err := bolt.Open(bolt.Options{Path: path})
			if err == nil {
				t.Cleanup(func() { s.Close() })
				mu.Lock()
				owners++
				mu.Unlock()
			} else if locked := (*bolt.LockedError)(nil); !errors.As(err, &locked) {
				t.Errorf("a slower one got %v", err)
			}
		})
	}
	wg.Wait()
	if owners != 1 {
		t.Errorf("%d own the file, want 1", owners)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v, want the file alone", entries, err)
	}
}
