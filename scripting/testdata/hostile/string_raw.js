// Tries: String.raw
// Ends: throws
// Memory: 64 MiB
return String.raw({raw: {length: 1e9}}, "x") !== ""
