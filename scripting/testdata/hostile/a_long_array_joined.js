// Tries: a long array, joined
// Ends: stopped
// Memory: 64 MiB
return new Array(4e9).join("xx") !== ""
