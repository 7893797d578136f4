// Tries: sandbox: import
// Ends: finding
// Memory: 64 MiB
return import("fs")
