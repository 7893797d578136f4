// Tries: time: one long number
// Ends: stopped
// Memory: 64 MiB
return parseFloat("9".repeat(400000)) > 1
