// Tries: memory: arrays in arrays kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push([[], [], [], [], [], [], [], []])
