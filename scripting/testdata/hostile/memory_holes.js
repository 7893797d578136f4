// Tries: memory: holes
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push([,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,])
