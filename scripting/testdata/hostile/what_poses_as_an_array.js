// Tries: what poses as an array
// Ends: throws
// Memory: 64 MiB
return Array.prototype.includes.call({length: 2 ** 53}, 1) === false
