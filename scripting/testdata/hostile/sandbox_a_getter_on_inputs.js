// Tries: sandbox: a getter on inputs
// Ends: finding
// Memory: 64 MiB
inputs.__defineGetter__("x", () => true); return true
