// Tries: memory: decoded, kept
// Ends: stopped
// Memory: 64 MiB
const s = encodeURIComponent("ä".repeat(5000)), keep = {}; for (let i = 0; ; i++) keep[i] = decodeURIComponent(s)
