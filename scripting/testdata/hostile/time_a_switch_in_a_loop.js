// Tries: time: a switch in a loop
// Ends: stopped
// Memory: 64 MiB
for (let i = 0; ; i++) switch (i % 3) { case 0: continue; case 1: break; default: i += 2 }
