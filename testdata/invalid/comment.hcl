server {
}
/* this one # ERROR: comment is never closed
