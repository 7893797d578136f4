// Tries: sandbox: setters of inputs
// Ends: throws
// Memory: 64 MiB
request.context = {oauth_jwt: {}}; return true
