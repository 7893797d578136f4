// Tries: time: localeCompare of long texts
// Ends: stopped
// Memory: 64 MiB
const s = "ä".repeat(20000), t = s + "x"; for (;;) s.localeCompare(t)
