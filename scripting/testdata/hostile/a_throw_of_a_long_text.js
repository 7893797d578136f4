// Tries: a throw of a long text
// Ends: stopped
// Memory: 64 MiB
throw "x".repeat(1000000)
