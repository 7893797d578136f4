oauth_source "bare" { # ERROR: "issuer" is missing # ERROR: "audiences" is missing
  oidc_jwks_url = "https://bare.example/jwks"
}

oauth_source "both" {
  issuer             = "https://both.example"
  allow_any_issuer   = true # ERROR: "allow_any_issuer" contradicts "issuer"
  audiences          = ["m2md"]
  allow_any_audience = true # ERROR: "allow_any_audience" contradicts "audiences"
  oidc_jwks_url      = "https://both.example/jwks"
}

oauth_source "profile" {
  profile       = "githup" # ERROR: the profile is not known
  issuer        = "https://profile.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://profile.example/jwks"
}

oauth_source "shared" {
  profile          = "github-actions"
  allow_any_issuer = true # ERROR: "allow_any_issuer" is refused for shared keys
  audiences        = ["m2md"]
  oidc_jwks_url    = "https://token.actions.githubusercontent.com/.well-known/jwks"
}

oauth_source "plain" {
  issuer        = "http://plain.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "http://plain.example/jwks" # ERROR: the keys of the source cannot be fetched from there
}

oauth_source "roots" {
  issuer              = "https://roots.example"
  audiences           = ["m2md"]
  oidc_well_known_url = "https://roots.example/.well-known/openid-configuration" # ERROR: the keys of the source cannot be fetched from there
  ca_file             = "../../valid/product/own.pem"
}

oauth_source "nojson" {
  issuer    = "https://nojson.example"
  audiences = ["m2md"]
  oidc_jwks = "keys" # ERROR: the keys of the source cannot be read
}

oauth_source "nokeys" {
  issuer         = "https://nokeys.example"
  audiences      = ["m2md"]
  oidc_jwks_file = "../../valid/product/own.pem" # ERROR: the keys of the source cannot be read
}

oauth_source "symmetric" {
  issuer    = "https://symmetric.example"
  audiences = ["m2md"]
  oidc_jwks = "{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2VjcmV0\"}, 3]}" # WARNING: key 1 of the set is not used # WARNING: key 2 of the set is not used # ERROR: the source has no usable key
}

oauth_source "empty" {
  issuer    = "https://empty.example"
  audiences = ["m2md"]
  oidc_jwks = "{\"keys\": []}" # ERROR: the source has no usable key
}

# The same keys under the same issuer: a token would have two identities.
oauth_source "cluster_a" {
  issuer         = "https://cluster.example"
  audiences      = ["m2md"]
  oidc_jwks_file = "../../valid/product/jwks/cluster-a.json"
}

oauth_source "cluster_b" {
  issuer         = "https://cluster.example" # ERROR: "cluster_a" and "cluster_b" share a key and an issuer
  audiences      = ["m2md"]
  oidc_jwks_file = "../../valid/product/jwks/cluster-a.json"
}

oauth_source "remote_a" {
  issuer        = "https://remote.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://remote.example/jwks"
}

oauth_source "remote_b" {
  issuer        = "https://remote.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://remote.example/jwks" # ERROR: "remote_a" and "remote_b" share a key and an issuer
}

oauth_source "found_a" {
  issuer              = "https://found.example"
  audiences           = ["m2md"]
  oidc_well_known_url = "https://found.example/.well-known/openid-configuration"
}

oauth_source "found_b" {
  issuer              = "https://found.example"
  audiences           = ["other"]
  oidc_well_known_url = "https://found.example/.well-known/openid-configuration" # ERROR: "found_a" and "found_b" share a key and an issuer
}

verification_certificate "nocertificate" {
  issuer           = "https://none.example"
  audiences        = ["m2md"]
  certificate_file = "../../valid/product/jwks/cluster-a.json" # ERROR: the certificate cannot be used
}

verification_certificate "private" {
  issuer           = "https://private.example"
  audiences        = ["m2md"]
  certificate_file = "../../valid/product/own.pem" # ERROR: the certificate cannot be used
}

verification_certificate "literal" {
  issuer      = "https://literal.example"
  audiences   = ["m2md"]
  certificate = "MIIB" # ERROR: the certificate cannot be used
}

verification_certificate "untrusted" { # ERROR: "issuer" is missing # ERROR: "audiences" is missing
  certificate_file = "../../valid/product/tls.crt"
}

verification_certificate "partner_a" {
  issuer           = "https://partner.example"
  audiences        = ["m2md"]
  certificate_file = "../../valid/product/certs/partner.pem"
}

verification_certificate "partner_b" {
  issuer           = "https://partner.example" # ERROR: "partner_a" and "partner_b" share a key and an issuer
  audiences        = ["m2md"]
  certificate_file = "../../valid/product/certs/partner.pem"
}
