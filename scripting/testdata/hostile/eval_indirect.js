// Tries: eval, indirect
// Ends: throws
// Memory: 64 MiB
return (0, eval)("true")
