// Package fetch asks servers of other people for JSON documents, with bounds on
// all that such a server decides: size, time, headers, redirects, and what of
// its words gets into an error.
//
// A [Client] is made for one server, with the roots that it is trusted by. It
// goes by the proxy settings of the environment (HTTPS_PROXY, HTTP_PROXY,
// NO_PROXY). It keeps no answer and does not know what a document means; it
// imports nothing of m2md.
package fetch
