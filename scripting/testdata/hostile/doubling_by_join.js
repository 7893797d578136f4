// Tries: doubling by join
// Ends: stopped
// Memory: 64 MiB
let a = ["xxxxxxxx"]; for (;;) { const s = a.join("y"); a = [s, s] }
