// Tries: a long array, spread
// Ends: stopped
// Memory: 64 MiB
return [...new Array(4e9)].length > 1
