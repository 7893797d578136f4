// Tries: code of a string by a computed name
// Ends: throws
// Memory: 64 MiB
return (() => 1)["const" + "ructor"]("return true")()
