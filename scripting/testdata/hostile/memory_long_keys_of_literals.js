// Tries: memory: long keys of literals
// Ends: stopped
// Memory: 64 MiB
const s = "ä".repeat(50000), keep = []; for (;;) keep.push({[s]: 1})
