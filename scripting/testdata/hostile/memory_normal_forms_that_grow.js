// Tries: memory: normal forms that grow
// Ends: stopped
// Memory: 64 MiB
const s = "\ufdfa".repeat(5000), keep = {}; for (let i = 0; ; i++) keep[i] = s.normalize("NFKD")
