// Tries: a long array, sorted
// Ends: stopped
// Memory: 64 MiB
const a = []; a.length = 4e9; return a.sort().length > 1
