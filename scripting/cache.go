package scripting

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"weak"

	"github.com/m2md/m2md/engine"
)

// cache finds what was compiled before and is still in use: by the generation
// that serves while the next is made, or by another block with the same script.
// It holds nothing alive, so that it needs no bound. It is safe for concurrent
// use.
type cache struct {
	mu   sync.Mutex
	made map[cacheKey]weak.Pointer[compiled]
}

// cacheKey is a hash of all that a compilation depends on. Where the script
// stands is not of it: a line more at the top of a file changes no policy.
type cacheKey [sha256.Size]byte

func keyOf(text scriptSource, inputs map[string]any, open bool) (cacheKey, bool) {
	h := sha256.New()
	given, err := json.Marshal(inputs)
	if err != nil {
		return cacheKey{}, false // not what a decoder of inputs makes
	}
	part := func(s string) {
		_ = binary.Write(h, binary.BigEndian, int64(len(s)))
		_, _ = io.WriteString(h, s)
	}
	part(fmt.Sprint(text.what, open))
	part(string(given))
	part(text.Path)
	part(text.Text)
	for _, name := range slices.Sorted(maps.Keys(text.Modules)) {
		part(name)
		part(text.Modules[name])
	}
	return cacheKey(h.Sum(nil)), true
}

// find returns what was compiled of the same script, or nil. What tells places
// of the script must have been compiled of the same place.
func (c *cache) find(key cacheKey, at engine.Script) *compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.made[key].Value()
	if found == nil || len(found.asked) > 0 && (found.text.At != at.At || found.text.Indent != at.Indent) {
		return nil
	}
	return found
}

// keep remembers what was compiled for as long as somebody else does.
func (c *cache) keep(key cacheKey, made *compiled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made = map[cacheKey]weak.Pointer[compiled]{}
	}
	c.made[key] = weak.Make(made)
	runtime.AddCleanup(made, c.forget, key)
}

// forget drops what is gone, unless it was compiled again meanwhile.
func (c *cache) forget(key cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made[key].Value() == nil {
		delete(c.made, key)
	}
}
