package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// localSyslog is where the machine's own receiver listens.
const localSyslog = "unix:///dev/log"

// priority is authpriv (10) at info (6): who reads these is not everybody
// (RFC 5424 §6.2.1).
const syslogPriority = 10*8 + 6

// syslogPatience bounds connecting to a receiver, and one write to it.
const syslogPatience = 5 * time.Second

// syslogSink sends each line as one message: to the machine's own receiver as
// syslog(3) does, which is what journald and rsyslog expect there, and over TCP
// as RFC 5424 in the octet counting of RFC 6587 §3.4.1. It connects anew where
// the connection ends. The standard library's log/syslog knows neither RFC 5424
// nor a way to tell which of several lines were sent.
type syslogSink struct {
	network, address string
	host             string
	conn             net.Conn
	gone             *atomic.Bool // the receiver has closed conn
}

// openSyslog connects once, so that a wrong address is told at once.
func openSyslog(address string) (*syslogSink, error) {
	network, rest, _ := strings.Cut(cmp.Or(address, localSyslog), "://")
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "-"
	}
	s := &syslogSink{network: network, address: rest, host: host}
	if err := s.connect(); err != nil {
		return nil, fmt.Errorf("opening the decision log: %w", err)
	}
	return s, nil
}

// connect tries, for a socket, both ways in which receivers listen there.
func (s *syslogSink) connect() (err error) {
	if s.network == "tcp" {
		if s.conn, err = net.DialTimeout("tcp", s.address, syslogPatience); err != nil {
			return err
		}
		s.gone = new(atomic.Bool)
		go awaitEnd(s.conn, s.gone)
		return nil
	}
	var failures []error
	for _, kind := range []string{"unixgram", "unix"} {
		if s.conn, err = net.DialTimeout(kind, s.address, syslogPatience); err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return failures[0]
}

// Write sends lines, and says how many bytes of whole lines were sent.
func (s *syslogSink) Write(lines []byte) (sent int, err error) {
	for len(lines) > sent {
		end := bytes.IndexByte(lines[sent:], '\n') + 1
		if end == 0 {
			end = len(lines) - sent
		}
		if err := s.send(bytes.TrimSuffix(lines[sent:sent+end], []byte("\n"))); err != nil {
			return sent, err
		}
		sent += end
	}
	return sent, nil
}

func (s *syslogSink) send(line []byte) error {
	if s.conn != nil && s.hungUp() {
		s.drop()
	}
	if s.conn == nil {
		if err := s.connect(); err != nil {
			return err
		}
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(syslogPatience)); err != nil {
		return err
	}
	if _, err := s.conn.Write(s.message(line)); err != nil {
		s.drop() // part of a message may have gone; over a new connection it is sent whole
		return err
	}
	return nil
}

// awaitEnd reads until the receiver closes the connection. It never sends
// anything else. A write alone would not tell before its line is lost.
func awaitEnd(conn net.Conn, gone *atomic.Bool) {
	io.Copy(io.Discard, conn) //nolint:errcheck // however it ends, it ends
	gone.Store(true)
}

// hungUp says whether the receiver closed the connection.
func (s *syslogSink) hungUp() bool { return s.gone != nil && s.gone.Load() }

func (s *syslogSink) drop() {
	s.conn.Close() //nolint:errcheck // it is broken
	s.conn, s.gone = nil, nil
}

// message is a line in the form of the receiver.
func (s *syslogSink) message(line []byte) []byte {
	pid := strconv.Itoa(os.Getpid())
	if s.network != "tcp" {
		head := fmt.Sprintf("<%d>%s m2md[%s]: ", syslogPriority, time.Now().Format(time.Stamp), pid)
		return append([]byte(head), line...)
	}
	head := fmt.Sprintf("<%d>1 %s %s m2md %s decision - ", syslogPriority, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), s.host, pid)
	out := strconv.AppendInt(nil, int64(len(head)+len(line)), 10)
	return append(append(append(out, ' '), head...), line...)
}

// Close ends the connection.
func (s *syslogSink) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
