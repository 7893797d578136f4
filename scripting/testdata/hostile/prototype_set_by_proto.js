// Tries: prototype: set by __proto__
// Ends: throws
// Memory: 64 MiB
const a = {__proto__: {length: 2 ** 53}}; a.__proto__.__proto__ = Array.prototype; return a.every(x => x)
