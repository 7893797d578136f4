package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// duration is a flag for a time span: Go's units, and days and weeks beside
// them, such as 90d or 1w12h. A day has 24 hours.
type duration struct {
	span  time.Duration
	given bool
}

var _ cli.Generic = (*duration)(nil)

// errDuration is what is wrong with a text that is no time span.
var errDuration = errors.New("it is no time span such as 12h, 90d or 2w")

// Set reads a time span.
func (d *duration) Set(text string) (err error) {
	d.given = true
	d.span, err = parseDuration(text)
	return err
}

// String gives the default, as it was set.
func (d *duration) String() string {
	if d == nil || d.span == 0 {
		return ""
	}
	return d.span.String()
}

// durationOf is a flag's time span; 0 where it is not given and has no default.
func durationOf(c *cli.Context, name string) time.Duration { return c.Generic(name).(*duration).span }

// positiveDuration is a flag's time span, which must be positive where it is given.
func positiveDuration(c *cli.Context, name string) (time.Duration, error) {
	d := c.Generic(name).(*duration)
	if d.given && d.span <= 0 {
		return 0, usagef("--%s: the time must be positive", name)
	}
	return d.span, nil
}

// parseDuration reads what time.ParseDuration does, and days and weeks.
func parseDuration(text string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(text, "-")
	var total time.Duration
	for _, unit := range []struct {
		name string
		span time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, behind, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n > uint64((math.MaxInt64-int64(total))/int64(unit.span)) {
			return 0, errDuration
		}
		total, rest = total+time.Duration(n)*unit.span, behind
	}
	if rest != "" {
		small, err := time.ParseDuration(rest)
		if err != nil || small < 0 || strings.HasPrefix(rest, "+") || total > math.MaxInt64-small {
			return 0, errDuration
		}
		total += small
	} else if text == "" || text == "-" {
		return 0, errDuration
	}
	if negative {
		total = -total
	}
	return total, nil
}
