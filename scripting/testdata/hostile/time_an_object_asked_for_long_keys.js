// Tries: time: an object asked for long keys
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(100000), o = {[s]: 1}; for (;;) o[s]
