// Tries: a long array by an index
// Ends: stopped
// Memory: 64 MiB
const a = []; a[4294967290] = 1; return a.reverse().length > 1
