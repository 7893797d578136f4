// Package bolt is storage in one file, by bbolt: the storage that m2md has when
// nothing is configured. Every write is on disk before it is acknowledged.
//
// The file has one owner at a time; Open waits briefly and then says who that
// is. It has four buckets from the beginning: meta says that the file is m2md's
// and in which version, app_passwords and signing_keys hold records by ID, and
// app_passwords_by_account orders the IDs as they are listed. Others are made
// when something is first kept in them: used_tokens, ordered by
// used_tokens_by_expiry, key_sets by ID, and revocations by kind and name.
//
// A file that is not m2md's, or no longer whole, is refused and left as it is:
// it is looked at through a read-only mapping before it is opened for writing,
// and what bbolt answers to damage, which is a panic or a fault, becomes an
// error.
package bolt
