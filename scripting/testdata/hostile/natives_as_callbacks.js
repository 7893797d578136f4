// Tries: natives as callbacks
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 100000}, () => 1), s = "x".repeat(100000); return a.some(String.prototype.includes, s + "y")
