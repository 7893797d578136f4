// Package strictjson reads JSON objects that strangers send: JWTs, key sets,
// answers about tokens. It refuses what two readers could understand
// differently (RFC 8725 §2.4, RFC 8259 §4 and §8.1), which encoding/json mends
// or resolves in silence: a member that stands twice, text that is not UTF-8,
// something behind the object.
//
// It knows no member of any object, bounds no length (its callers do, before
// they call), and imports nothing of m2md.
package strictjson
