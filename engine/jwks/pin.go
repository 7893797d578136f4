package jwks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Pinned is a key set that was written to a file, to be used without asking
// its issuer.
type Pinned struct {
	Keys    []Key
	Skipped []Skipped
	Origin  Origin // the zero value: the document does not say
}

// Origin is where a pinned set came from, as its document says. At most one of
// the URLs is set.
type Origin struct {
	URL          string // of the JWK set
	WellKnownURL string // of the discovery document
	QueryLeftOut bool   // the URL had a query, which may be secret and does not stand in the document
	PinnedAt     time.Time
}

// pinnedDocument is a JWK set with one member more, as RFC 7517 §5 allows: who
// does not know it ignores it.
type pinnedDocument struct {
	M2MD *pinnedOrigin     `json:"m2md,omitempty"`
	Keys []json.RawMessage `json:"keys"`
}

// pinnedOrigin names the URLs as the language does.
type pinnedOrigin struct {
	URL          string    `json:"oidc_jwks_url,omitempty"`
	WellKnownURL string    `json:"oidc_well_known_url,omitempty"`
	QueryLeftOut bool      `json:"query_left_out,omitempty"`
	PinnedAt     time.Time `json:"pinned_at,omitzero"`
}

// EncodePinned writes keys as a document for people and version control: the
// same keys always look the same, however their issuer orders them. It fails
// where the document would be larger than MaxBytes.
func EncodePinned(keys []Key, from Origin) ([]byte, error) {
	elements, err := encodeKeys(ordered(keys))
	if err != nil {
		return nil, err
	}
	document := pinnedDocument{Keys: elements, M2MD: &pinnedOrigin{
		URL: from.URL, WellKnownURL: from.WellKnownURL, QueryLeftOut: from.QueryLeftOut,
		PinnedAt: from.PinnedAt.UTC().Truncate(time.Second),
	}}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	if out.Len() > MaxBytes {
		return nil, errTooLargeToKeep
	}
	return out.Bytes(), nil
}

// DecodePinned reads a JWK set, as Decode does, and where it came from, if it
// says so in a form that can be understood.
func DecodePinned(raw []byte) (Pinned, error) {
	keys, skipped, err := Decode(raw)
	if err != nil {
		return Pinned{}, err
	}
	pinned := Pinned{Keys: keys, Skipped: skipped}
	var document pinnedDocument
	if json.Unmarshal(raw, &document) != nil || document.M2MD == nil {
		return pinned, nil
	}
	from := *document.M2MD
	if from.URL != "" && from.WellKnownURL != "" {
		return pinned, nil
	}
	pinned.Origin = Origin(from)
	return pinned, nil
}

// Drift is how the keys of an issuer differ from those that were pinned.
type Drift struct {
	New  []Key // at the issuer, and not pinned: what they sign is refused
	Gone []Key // pinned, and no longer at the issuer: what they have signed is accepted all the same
}

// Compare compares keys by what decides which signatures they verify: the key
// itself (RFC 7638), its kid, and the algorithm that it is pinned to.
func Compare(pinned, live []Key) Drift {
	return Drift{New: without(live, pinned), Gone: without(pinned, live)}
}

// None says that the keys are the same.
func (d Drift) None() bool { return len(d.New) == 0 && len(d.Gone) == 0 }

// without are the keys that are not among others, in order.
func without(keys, others []Key) []Key {
	return slices.DeleteFunc(ordered(keys), func(key Key) bool {
		return slices.ContainsFunc(others, func(other Key) bool { return compareKeys(key, other) == 0 })
	})
}

// ordered are the keys without repetition, in an order that is their own.
func ordered(keys []Key) []Key {
	sorted := slices.SortedFunc(slices.Values(keys), compareKeys)
	return slices.CompactFunc(sorted, func(a, b Key) bool { return compareKeys(a, b) == 0 })
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Thumbprint, b.Thumbprint), cmp.Compare(a.Algorithm, b.Algorithm))
}
