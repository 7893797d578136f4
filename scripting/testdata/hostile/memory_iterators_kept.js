// Tries: memory: iterators, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push([1].values(), new Map().keys())
