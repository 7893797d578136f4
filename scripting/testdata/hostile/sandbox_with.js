// Tries: sandbox: with
// Ends: finding
// Memory: 64 MiB
with (request) { return true }
