// Tries: doubling by concat
// Ends: stopped
// Memory: 64 MiB
let s = "xxxxxxxx"; for (;;) s = s.concat(s, s)
