server {
  external_url = "https://auth.example.com"
}

service_account "backup" {
  groups = ["storage"]
}

mapping "groups" {
  inputs = { prefix = "m2md:" }
  script = <<-JS
    return { groups: request.user.groups.map((group) => inputs.prefix + group) };
  JS
}

mapping "team" {
  script_file = "policies/team.js"
}

provider "files" {
  mappings = [mapping.groups, mapping.team]
  access "backup" { from = [service_account.backup] }
}
