package lint

import (
	"time"

	"github.com/m2md/m2md/engine"
)

// Bounds beyond which something lives longer than it need.
const (
	longToken    = engine.Lifetime(time.Hour)
	longAge      = 24 * time.Hour
	longPassword = 365 * 24 * time.Hour
)

// lifetimes are the findings about how long things last.
func lifetimes() family {
	return family{
		rules: []Rule{{
			ID: "CFG005", Title: "something that lives very long", Severity: engine.Warning,
			Why: "A machine can ask for another token whenever it needs one, so a long life helps only who has stolen one; and a policy that is tightened reaches the tokens that are out when they end. " +
				"Told are an access_token_ttl above 1h, a max_token_age above 24h, and app passwords whose max_age is above a year (8760h).",
			Fault: `provider "files" {
  access_token_ttl = "12h"
  access "backup" {
    from = [service_account.backup]
  }
}`,
			Fix: `provider "files" {
  access_token_ttl = "1h"
  access "backup" {
    from = [service_account.backup]
  }
}`,
		}, {
			ID: "CFG010", Title: "a signing key that rotates very often", Severity: engine.Warning,
			Why: "Verifiers must fetch the keys as often, and every key stays published until its last token has ended.",
			Fault: `signing_key "main" {
  rotate_every = "10m"
}`,
			Fix: `signing_key "main" {
  rotate_every = "720h"
}`,
		}, {
			ID: "CFG011", Title: "a policy that stays in shadow", Severity: engine.Warning,
			Why: "A policy in shadow is asked and recorded, and decides nothing: a step on the way, which is easily forgotten. Told are a shadow of more than 90 days, one that is over, and a policy in shadow that another one asks by callPolicy, where it counts.",
			Fault: `policy "office_hours" {
  shadow_until = "2999-01-01T00:00:00Z"
  script       = "return request.time.slice(11, 13) < '18'"
}

provider "files" {
  access "backup" {
    from     = [service_account.backup]
    policies = [policy.office_hours]
  }
}`,
			Fix: `policy "office_hours" {
  script = "return request.time.slice(11, 13) < '18'"
}

provider "files" {
  access "backup" {
    from     = [service_account.backup]
    policies = [policy.office_hours]
  }
}`,
		}},
		check: func(l *linter) {
			for _, p := range l.spec.Providers {
				if p.AccessTokenTTL > longToken {
					l.warn("CFG005", p.AttrAt("access_token_ttl"), "tokens live longer than an hour", "One that is stolen is good for as long, and a policy that is tightened reaches it only then. Machines can ask again: 15m is usual.")
				}
			}
			for _, s := range l.spec.Sources {
				l.tokenAge(s.Decl, s.Trust)
			}
			for _, c := range l.spec.Certificates {
				l.tokenAge(c.Decl, c.Trust)
			}
			for _, a := range l.spec.Accounts {
				if a.AppPasswords.MaxAge > longPassword {
					l.warn("CFG005", a.AppPasswords.AttrAt("max_age"), "app passwords live longer than a year", "Nobody remembers by then who has one. Rotate them more often; several may be active, so that nothing stops meanwhile.")
				}
			}
		},
	}
}

func (l *linter) tokenAge(d engine.Decl, t engine.Trust) {
	if t.MaxTokenAge > longAge {
		l.warn("CFG005", d.AttrAt("max_token_age"), "tokens count for more than a day", "Workloads get theirs when they need one. Write the time that a job takes, such as 1h.")
	}
}
