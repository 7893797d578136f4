// Tries: apply
// Ends: throws
// Memory: 64 MiB
return Math.max.apply(null, {length: 1e9}) > 1
