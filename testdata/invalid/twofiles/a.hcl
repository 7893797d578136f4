server {
}
