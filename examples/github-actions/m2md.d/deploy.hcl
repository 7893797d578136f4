# Two guarded hosts, and so two providers: whatever access lets a job in, its
# token is good for all that the provider guards, and for nothing else.

# Staging takes what is on main of any repository of the organization, if it
# comes by one of two ways.
provider "staging" {
  audience         = ["https://deploy.staging.example.com"]
  access_token_ttl = "10m"

  # acme/api has a workflow of its own. Everything that it runs on main may come.
  access "api_main" {
    from = [oauth_source.github]
    require_claims = {
      repository_id = local.repositories.api
      ref           = "refs/heads/main"
      event_name    = local.trusted_events
    }
  }

  # The others call the shared workflow, in a version that a tag names, and only
  # that job of theirs may come. The pattern must match all of the claim. It holds
  # a name, as GitHub signs no ID for it: who may push tags to acme/workflows
  # decides what runs here, so a rule there should keep v* from being moved.
  access "shared_workflow" {
    from = [oauth_source.github]
    require_claims = {
      job_workflow_ref = pattern("acme/workflows/\\.github/workflows/shared-deploy\\.yml@refs/tags/v[0-9]+(\\.[0-9]+){0,2}")
      ref              = "refs/heads/main"
      event_name       = local.trusted_events
    }
  }

  forward_auth {
    external_host = "deploy.staging.example.com"
    skip_paths    = ["/healthz"]
  }
}

# Production takes acme/api only, by a job of the environment "production", which
# waits until its reviewers agree. Who they are stands in GitHub, where m2md
# cannot see it; so the branch and the event are asked for besides.
provider "production" {
  audience         = ["https://deploy.example.com"]
  access_token_ttl = "10m"

  access "api_reviewed" {
    from = [oauth_source.github]
    require_claims = {
      repository_id = local.repositories.api
      environment   = "production"
      ref           = "refs/heads/main"
      event_name    = local.trusted_events
    }
    policies = [policy.change_freeze]
  }

  forward_auth {
    external_host = "deploy.example.com"
    skip_paths    = ["/healthz"]
  }
}

# From the 20th of December to the 2nd of January nothing changes in production.
# Claims cannot say this; and to lift it is a commit, too. Days are those of UTC.
policy "change_freeze" {
  inputs = { begins = "12-20", ends = "01-02" }
  script = <<-JS
    const day = request.time.slice(5, 10);
    return inputs.ends < day && day < inputs.begins;
  JS
}
