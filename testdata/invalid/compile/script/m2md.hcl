policy "inline" {
  script = <<-JS
    const a = 1;
    return a b; // # ERROR: invalid JavaScript: unexpected identifier
  JS
}

policy "file" {
  script_file = "policy.js"
}

service_account "ci" {
}

# What does not parse is told once, not once for each access.
provider "loki" {
  access "a" {
    from     = [service_account.ci]
    policies = [policy.inline, policy.file]
  }
  access "b" {
    from     = [service_account.ci]
    policies = [policy.file]
  }
}
