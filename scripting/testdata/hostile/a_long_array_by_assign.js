// Tries: a long array by assign
// Ends: stopped
// Memory: 64 MiB
const a = Object.assign([], {length: 4e9}); return !a.includes(1)
