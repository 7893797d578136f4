// Tries: prototype: caller and callee
// Ends: throws
// Memory: 64 MiB
const f = function () { return arguments.callee }; return f()()
