// Tries: memory: small objects kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push({})
