// Tries: memory: sparse arrays
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(new Array(4000))
