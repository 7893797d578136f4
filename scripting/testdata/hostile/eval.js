// Tries: eval
// Ends: throws
// Memory: 64 MiB
return eval("true")
