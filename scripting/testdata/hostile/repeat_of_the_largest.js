// Tries: repeat of the largest
// Ends: stopped
// Memory: 64 MiB
return "x".repeat(2 ** 53) !== ""
