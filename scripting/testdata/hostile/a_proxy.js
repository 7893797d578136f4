// Tries: a proxy
// Ends: throws
// Memory: 64 MiB
return new Proxy([], {get: () => 1e9}).length > 1
