server {
  listen       = "unix:///run/m2md/http.sock"
  external_url = "https://auth.example.com"

  tls {
    certificate = env("M2MD_TLS_CERTIFICATE")
    private_key = env("M2MD_TLS_KEY")
  }
}
