// Tries: a long array by a pattern
// Ends: stopped
// Memory: 64 MiB
const a = []; [a.length] = [4e9]; return a.some(x => false) || a.every(x => x)
