// Tries: prototype: guards taken away
// Ends: throws
// Memory: 64 MiB
delete String.prototype.repeat; return "x".repeat(1 << 28) !== ""
