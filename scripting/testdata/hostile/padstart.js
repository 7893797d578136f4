// Tries: padStart
// Ends: stopped
// Memory: 64 MiB
return "x".padStart(1 << 28) !== ""
