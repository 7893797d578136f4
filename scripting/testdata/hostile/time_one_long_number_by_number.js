// Tries: time: one long number by Number.parseFloat
// Ends: stopped
// Memory: 64 MiB
return Number.parseFloat("9".repeat(400000)) > 1
