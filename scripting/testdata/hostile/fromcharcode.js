// Tries: fromCharCode
// Ends: stopped
// Memory: 64 MiB
return String.fromCharCode(...new Array(1e9)) !== ""
