// Tries: time: long equal texts compared
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(100000), a = s + "y", b = s + "y"; for (let n = 0; ; n++) if (a !== b) return true
