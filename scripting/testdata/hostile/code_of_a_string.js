// Tries: code of a string
// Ends: throws
// Memory: 64 MiB
return (() => 1).constructor("return true")()
