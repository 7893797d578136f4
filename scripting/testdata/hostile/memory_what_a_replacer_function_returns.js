// Tries: memory: what a replacer function returns
// Ends: throws
// Memory: 64 MiB
return JSON.stringify({a: 1}, () => "x".repeat(100000)) !== ""
