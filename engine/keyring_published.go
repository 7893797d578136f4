package engine

import (
	"sync"
	"time"
)

// PublishedKeys remember since when the key sets that are served have which
// key: a key may sign once nobody can still have a set from before, however
// slow its publication was and however long that set was allowed to be kept.
// They outlive generations. Nothing of them is stored: after a restart,
// StoredKey.ActivatesAt alone counts. The zero value is ready; its methods are
// safe for concurrent use.
type PublishedKeys struct {
	mu   sync.Mutex
	sets map[string]publishedSet // by provider
}

// publishedSet is a key set that is served.
type publishedSet struct {
	caching time.Duration        // for how long others may keep it
	known   map[string]time.Time // by kid: from when on everybody can know it
}

// notYetPublished is later than any moment.
var notYetPublished = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// serve notes that the providers' sets are served from now on, in the place of
// those before.
func (p *PublishedKeys) serve(providers map[string]*provider, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := make(map[string]publishedSet, len(providers))
	for label, provider := range providers {
		before, served := p.sets[label]
		set := publishedSet{caching: provider.caching, known: make(map[string]time.Time, len(provider.verifies))}
		for kid := range provider.verifies {
			at, had := before.known[kid]
			if served && !had {
				at = now.Add(before.caching)
			}
			set.known[kid] = at
		}
		next[label] = set
	}
	p.sets = next
}

// knownFrom is from when on everybody who has a set of one of the providers can
// know a key. The zero value: since ever.
func (p *PublishedKeys) knownFrom(kid string, providers []string) (from time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, label := range providers {
		set, served := p.sets[label]
		if !served { // and so nobody has one of this process
			continue
		}
		at, there := set.known[kid]
		if !there {
			return notYetPublished
		}
		if at.After(from) {
			from = at
		}
	}
	return from
}
