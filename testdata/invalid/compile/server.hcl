server { # ERROR: "external_url" is missing
  listen = "0.0.0.0:9440"
  tls { # ERROR: the TLS certificate and key cannot be used together
    certificate_file = "../../valid/product/tls.crt"
    private_key_file = "../../valid/product/own.pem"
  }
}
