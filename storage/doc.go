// Package storage keeps what no file declares: app passwords, the signing keys
// that m2md made, which tokens were used, which are revoked, and the key
// sets of other issuers as they were fetched last. It owns what all kinds of storage share, which is the
// form of the records and their order; storage/bolt, storage/memory keep them,
// and storage/storagetest says by tests what they must do.
//
// A record's encoding is private to this package: the domain's types carry no
// tags. Each record states its version, so that a newer m2md can read what an
// older one wrote, and an older one refuses what it would misread.
//
// A new kind of storage is one package with a Store and a test of three lines.
package storage
