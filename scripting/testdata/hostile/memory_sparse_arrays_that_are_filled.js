// Tries: memory: sparse arrays that are filled
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(new Array(4000).fill(0))
