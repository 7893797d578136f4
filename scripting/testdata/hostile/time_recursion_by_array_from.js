// Tries: time: recursion by Array.from
// Ends: stopped
// Memory: 64 MiB
const f = () => Array.from([1], f); return f().length > 0
