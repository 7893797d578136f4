// Tries: the global object
// Ends: throws
// Memory: 64 MiB
return globalThis.eval("true")
