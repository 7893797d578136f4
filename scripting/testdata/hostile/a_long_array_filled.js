// Tries: a long array, filled
// Ends: stopped
// Memory: 64 MiB
return new Array(2e7).fill(1).length > 1
