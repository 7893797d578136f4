package jwks

import "crypto/sha256"

// StoreID lets tests see under what the sets of a config are kept.
func (c Config) StoreID() [sha256.Size]byte { return c.storeID() }
