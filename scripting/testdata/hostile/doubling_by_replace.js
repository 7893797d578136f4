// Tries: doubling by replace
// Ends: stopped
// Memory: 64 MiB
let s = "xxxxxxxx"; for (;;) s = s.replace(/^.*$/, "$&$&")
