// Tries: sandbox: a source map
// Ends: returns
// Memory: 64 MiB
//# sourceMappingURL=/etc/passwd
