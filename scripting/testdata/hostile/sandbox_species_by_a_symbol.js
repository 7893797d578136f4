// Tries: sandbox: species by a symbol
// Ends: throws
// Memory: 64 MiB
class A extends Array { static get [Symbol.species]() { return Object } } return true
