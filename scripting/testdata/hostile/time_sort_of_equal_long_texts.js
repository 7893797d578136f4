// Tries: time: sort of equal long texts
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(50000), p = s + "y", q = s + "y", a = Array.from({length: 2000}, (_, i) => i % 2 ? p : q); for (;;) a.sort()
