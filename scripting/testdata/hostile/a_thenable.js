// Tries: a thenable
// Ends: returns
// Memory: 64 MiB
return {then(resolve) { resolve(true) }}
