// Tries: memory: messages
// Ends: stopped
// Memory: 64 MiB
for (;;) message("x".repeat(1000))
