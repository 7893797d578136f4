// Tries: what has an array's method
// Ends: throws
// Memory: 64 MiB
return ({length: 2 ** 53, f: [].includes}).f(1) === false
