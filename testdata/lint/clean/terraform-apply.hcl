# The apply of a workspace.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "terraform" {
  profile             = "terraform"
  issuer              = "https://app.terraform.io"
  oidc_well_known_url = "https://app.terraform.io/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  max_token_age       = "2h"
}

provider "files" {
  access "apply" {
    from = [oauth_source.terraform]
    require_claims = {
      terraform_organization_id = "org-GRNbCjYNpBB6NEH9"
      terraform_workspace_id    = "ws-mbsd5E3Ktt5Rg2Xm"
      terraform_run_phase       = "apply"
    }
  }
}
