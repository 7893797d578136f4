package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/scripting"
)

// testCover is what tests went through.
type testCover struct {
	reach   rehearse.Reach
	scripts *scripting.Coverage
}

// gap is a place that no test went through, and how.
type gap struct{ at, what string }

// share is how much of one kind of thing tests went through.
type share struct {
	name         string
	covered, all int
}

// shares counts each kind; a branch is one of the two ways in which a condition
// can come out.
func (c *testCover) shares() []share {
	branches := share{name: "branches"}
	for _, one := range c.scripts.Conditions() {
		branches.all++
		if one.Yes > 0 {
			branches.covered++
		}
		if one.Plain {
			continue
		}
		branches.all++
		if one.No > 0 {
			branches.covered++
		}
	}
	return []share{
		shareOf("providers", c.reach.Providers, true), shareOf("accesses", c.reach.Accesses, false),
		shareOf("sources", c.reach.Sources, false), shareOf("policies", c.reach.Policies, true), branches,
	}
}

// shareOf counts a thing once it said yes, and no where it can.
func shareOf(name string, all []rehearse.Reached, both bool) share {
	s := share{name: name, all: len(all)}
	for _, one := range all {
		if one.Yes > 0 && (one.No > 0 || !both) {
			s.covered++
		}
	}
	return s
}

// gaps are what no test went through, in the order of shares.
func (c *testCover) gaps() []gap {
	var all []gap
	add := func(things []rehearse.Reached, yes, no string) {
		for _, one := range things {
			if one.Yes == 0 {
				all = append(all, gap{columned(one.At), one.Name + ": " + yes})
			}
			if one.No == 0 && no != "" {
				all = append(all, gap{columned(one.At), one.Name + ": " + no})
			}
		}
	}
	add(c.reach.Providers, "lets nobody in", "refuses nobody")
	add(c.reach.Accesses, "lets nobody in", "")
	add(c.reach.Sources, "nobody shows its proof", "")
	add(c.reach.Policies, "never says yes", "never says no")
	for _, one := range c.scripts.Conditions() {
		if missed := one.Missed(); missed != "" {
			all = append(all, gap{columned(one.At), fmt.Sprintf("%s: %s: %s", one.Script, missed, one.Text)})
		}
	}
	return all
}

// columned is a place as compilers write it, which most viewers of logs link.
func columned(at engine.Range) string {
	return fmt.Sprintf("%s:%d:%d", at.File, at.Start.Line, at.Start.Column)
}

func (c *testCover) writeText(out *bytes.Buffer) {
	out.WriteString("coverage:")
	for i, s := range c.shares() {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, " %s %d/%d", s.name, s.covered, s.all)
	}
	out.WriteByte('\n')
	for _, one := range c.gaps() {
		fmt.Fprintf(out, "    %s: %s\n", one.at, one.what)
	}
}

// writeLCOV writes the coverage of scripts in the form of geninfo(1), which
// most viewers read: each condition is a block of two branches.
func (c *testCover) writeLCOV(path string) error {
	var out bytes.Buffer
	c.lcov(&out)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil { //nolint:gosec // it holds nothing that the files do not
		return fmt.Errorf("writing the coverage: %w", err)
	}
	return nil
}

func (c *testCover) lcov(out io.Writer) {
	file, block, found, hit := "", 0, 0, 0
	end := func() {
		if file != "" {
			fmt.Fprintf(out, "BRF:%d\nBRH:%d\nend_of_record\n", found, hit)
		}
	}
	for _, one := range c.scripts.Conditions() {
		if one.At.File != file {
			end()
			file, block, found, hit = one.At.File, 0, 0, 0
			fmt.Fprintf(out, "TN:\nSF:%s\n", file)
		}
		for branch, times := range [2]int64{one.Yes, one.No} {
			if branch == 1 && one.Plain {
				break
			}
			taken := fmt.Sprint(times)
			if one.Yes+one.No == 0 { // it was never asked
				taken = "-"
			}
			fmt.Fprintf(out, "BRDA:%d,%d,%d,%s\n", one.At.Start.Line, block, branch, taken)
			found++
			if times > 0 {
				hit++
			}
		}
		block++
	}
	end()
}
