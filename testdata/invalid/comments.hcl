server {
}
/* # ERROR: comment is never closed
