// Tries: time: look-ahead
// Ends: finding
// Memory: 64 MiB
return !/^(?=(?:a+)+$)/.test(request.context.oauth_jwt.a[0])
