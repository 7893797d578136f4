// Tries: prototype: a string's method replaced and called back
// Ends: stopped
// Memory: 64 MiB
String.prototype.trim = function () { return "x".repeat(1 << 28) }; return " ".trim() !== ""
