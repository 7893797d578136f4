// Tries: sandbox: a promise
// Ends: throws
// Memory: 64 MiB
return Promise.resolve(true)
