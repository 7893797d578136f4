server {
  external_url = "https://auth.example.com"
}

metrics {
  listen = "127.0.0.1:9441"
}
