// Tries: what inherits from an array
// Ends: throws
// Memory: 64 MiB
return ({__proto__: Array.prototype, length: 2 ** 53}).includes(1) === false
