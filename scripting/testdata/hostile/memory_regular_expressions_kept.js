// Tries: memory: regular expressions kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(/x/)
