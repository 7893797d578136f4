// Tries: padEnd
// Ends: stopped
// Memory: 64 MiB
return "x".padEnd(1 << 28, "ab") !== ""
