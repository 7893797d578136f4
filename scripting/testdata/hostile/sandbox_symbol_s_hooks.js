// Tries: sandbox: Symbol's hooks
// Ends: throws
// Memory: 64 MiB
return {[Symbol.toPrimitive]: () => true}
