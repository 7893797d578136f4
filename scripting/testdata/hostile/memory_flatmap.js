// Tries: memory: flatMap
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, () => 1); let b = a; for (;;) b = b.flatMap(() => a)
