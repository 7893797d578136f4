// Tries: time: do and while
// Ends: stopped
// Memory: 64 MiB
let n = 0; do { n++ } while (n > 0); return true
