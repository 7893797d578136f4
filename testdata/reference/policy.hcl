server {
  external_url = "https://auth.example.com"
}

service_account "backup" {
  groups = ["storage"]
}

policy "by_day" {
  inputs = { groups = ["storage"] }
  script = <<-JS
    const hour = new Date(request.time).getUTCHours();
    return hour >= 6 && hour < 22 && request.user.groups.some((group) => inputs.groups.includes(group));
  JS
}

policy "only_main" { # only reports what it would decide, until then
  script_file  = "policies/only_main.ts"
  inputs       = { ref = "refs/heads/main" }
  shadow_until = "2027-01-31T00:00:00Z"
}

provider "files" {
  access "backup" {
    from     = [service_account.backup]
    policies = [policy.by_day, policy.only_main]
  }
}
