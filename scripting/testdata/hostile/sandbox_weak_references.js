// Tries: sandbox: weak references
// Ends: throws
// Memory: 64 MiB
return !!new WeakRef({})
