// Tries: repeat
// Ends: stopped
// Memory: 64 MiB
return "x".repeat(1 << 28) !== ""
