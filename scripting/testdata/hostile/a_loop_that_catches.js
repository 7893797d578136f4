// Tries: a loop that catches
// Ends: stopped
// Memory: 64 MiB
for (;;) { try { for (;;); } catch (e) {} finally { continue } }
