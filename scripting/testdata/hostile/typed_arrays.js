// Tries: typed arrays
// Ends: throws
// Memory: 64 MiB
return new Uint8Array(1e9).length > 1
