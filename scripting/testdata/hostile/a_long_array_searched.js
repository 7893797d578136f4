// Tries: a long array, searched
// Ends: stopped
// Memory: 64 MiB
const a = []; a.length = 4e9; return a.includes(1) || a.indexOf(1) < 0
