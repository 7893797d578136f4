// Tries: a method of an array by a variable
// Ends: throws
// Memory: 64 MiB
const {includes: f} = []; return ({length: 2 ** 53, f}).f(1) === false
