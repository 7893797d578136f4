// Tries: time: labelled loops
// Ends: stopped
// Memory: 64 MiB
a: for (;;) { b: for (;;) { continue a } }
