// Tries: a loop
// Ends: stopped
// Memory: 64 MiB
for (;;);
