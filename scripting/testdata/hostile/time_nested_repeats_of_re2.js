// Tries: time: nested repeats of RE2
// Ends: stopped
// Memory: 64 MiB
const r = /(?:(?:a{0,9}){0,9}){0,9}b/, s = "a".repeat(10000); for (;;) if (r.test(s)) return true
