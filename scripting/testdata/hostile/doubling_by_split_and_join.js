// Tries: doubling by split and join
// Ends: stopped
// Memory: 64 MiB
let s = "xxxxxxxx"; for (;;) s = s.split("x").join("xx")
