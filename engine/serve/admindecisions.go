package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/m2md/m2md/engine/decisionlog"
)

// linesAtOnce is how many lines of the decision log are sent at a time.
const linesAtOnce = 256

// slowReader is how long a follower may not read before it is let go; it asks
// again, and is told what it missed.
const slowReader = 5 * time.Second

// position says, in the midst of lines, how many of them follow, with what
// number to ask for those behind them, and how many were lost before them.
type position struct {
	Msg     string `json:"msg"` // "position"
	Of      string `json:"of"`  // the process that counts
	Next    uint64 `json:"next"`
	Lines   uint64 `json:"lines"`
	Skipped uint64 `json:"skipped"`
}

// decisions sends the last lines of the decision log, and with follow=true
// those that come. Each part of them comes behind its position.
func (a *Admin) decisions(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("from"), 10, 64)
	if err != nil || r.FormValue("of") != a.Process {
		after = 0 // another process counted that
	}
	follow := r.FormValue("follow") == "true"
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	for {
		part := a.Recent.From(after, linesAtOnce)
		after = part.Next
		if err := control.SetWriteDeadline(time.Now().Add(slowReader)); err != nil {
			return
		}
		if !a.writePart(w, part) || control.Flush() != nil {
			return
		}
		if len(part.Lines) == linesAtOnce {
			continue
		}
		if !follow || part.More == nil {
			return
		}
		select {
		case <-part.More:
		case <-r.Context().Done():
			return
		}
	}
}

// writePart writes a part, and says whether it could.
func (a *Admin) writePart(w io.Writer, part decisionlog.Part) bool {
	var b bytes.Buffer
	json.NewEncoder(&b).Encode(position{"position", a.Process, part.Next, uint64(len(part.Lines)), part.Skipped}) //nolint:errcheck // it always encodes
	for _, line := range part.Lines {
		b.Write(line)
	}
	_, err := w.Write(b.Bytes())
	return err == nil
}

// maxDecisionLine bounds a line of the decision log in bytes.
const maxDecisionLine = 1 << 20

// DecisionReader reads the decision log of a daemon, and goes on where it was
// after a connection, or the daemon, has ended. The zero value begins with the
// oldest line that is there.
type DecisionReader struct {
	Each    func(line []byte) error // is told each line, without its newline; its error ends the reading
	Skipped func(uint64)            // is told how many lines were lost before the next

	of   string
	from uint64
}

// Read asks for what comes next; with follow it goes on until ctx ends or the
// daemon stops.
func (d *DecisionReader) Read(ctx context.Context, c *AdminClient, follow bool) error {
	query := url.Values{"of": {d.of}, "from": {strconv.FormatUint(d.from, 10)}, "follow": {strconv.FormatBool(follow)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://m2md/decisions?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the daemon at %s: %w", c.path, errors.Unwrap(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the daemon answered %s", res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxDecisionLine)
	for lines.Scan() {
		if err := d.line(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (d *DecisionReader) line(line []byte) error {
	var p position
	if !bytes.HasPrefix(line, []byte(`{"msg":"position"`)) || json.Unmarshal(line, &p) != nil {
		d.from++
		return d.Each(line)
	}
	d.of, d.from = p.Of, p.Next-p.Lines
	if p.Skipped > 0 {
		d.Skipped(p.Skipped)
	}
	return nil
}
