// Tries: prototype: toString of Function called on what is none
// Ends: throws
// Memory: 64 MiB
return (() => 1).toString.call({}) !== ""
