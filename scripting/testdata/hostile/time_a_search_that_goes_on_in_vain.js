// Tries: time: a search with g that finds nothing, again and again
// Ends: stopped
// Memory: 64 MiB
const r = /y/g, s = "x".repeat(100000); for (;;) if (r.test(s)) return true
