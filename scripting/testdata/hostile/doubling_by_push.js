// Tries: doubling by push
// Ends: stopped
// Memory: 64 MiB
const a = [1]; for (;;) a.push(...a)
