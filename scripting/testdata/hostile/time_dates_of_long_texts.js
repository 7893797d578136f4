// Tries: time: dates of long texts
// Ends: stopped
// Memory: 64 MiB
const s = "1".repeat(100000); for (;;) Date.parse(s)
