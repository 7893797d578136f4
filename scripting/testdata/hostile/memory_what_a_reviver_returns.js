// Tries: memory: what a reviver returns
// Ends: stopped
// Memory: 64 MiB
const s = JSON.stringify(Array.from({length: 5000}, (_, i) => i)); for (;;) JSON.parse(s, () => [[], [], []])
