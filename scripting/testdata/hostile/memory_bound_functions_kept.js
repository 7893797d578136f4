// Tries: memory: bound functions, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; const f = () => 1; for (;;) keep.push(f.bind(null, 1))
