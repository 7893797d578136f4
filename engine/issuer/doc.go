// Package issuer holds what is known of the issuers that machines get their
// tokens from, as data: one profile a file. It makes no request, decides
// nothing, and imports nothing of m2md.
//
// What matters most of an issuer is whom it signs for. GitHub signs the tokens
// of every repository in the world under one iss with one set of keys, so that
// such a token proves nothing until a claim of it is looked at; a cluster signs
// its own only. The first kind is called shared here.
//
// Each profile says where its facts were seen, and which could not be verified.
// They hold for the day they were seen on: an issuer may sign more tomorrow, so
// what a profile does not know is a reason to warn, never to refuse a token.
package issuer
