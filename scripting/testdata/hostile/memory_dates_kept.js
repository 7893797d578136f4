// Tries: memory: dates, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(new Date())
