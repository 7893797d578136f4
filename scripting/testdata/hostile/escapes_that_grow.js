// Tries: escapes that grow
// Ends: stopped
// Memory: 64 MiB
let s = "ä"; for (;;) s = encodeURIComponent(s)
