// Tries: memory: boxed values, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(new String("x"), new Number(1), new Boolean(true))
