// Tries: doubling by +=
// Ends: stopped
// Memory: 64 MiB
let s = "xxxxxxxx"; for (;;) s += s
