package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

// maxTyped bounds what is read as a password, in bytes.
const maxTyped = 64 << 10

// readSecret reads a password from stdin: to its end, or hidden and up to the
// end of the line where that is a terminal. It trims one line break at the end,
// and says so where nobody typed it. Arguments would be seen in the list of
// processes.
func readSecret(stderr io.Writer, prompt string) (string, error) {
	if isTerminal(os.Stdin) {
		return readHidden(os.Stdin, stderr, prompt)
	}
	content, err := io.ReadAll(io.LimitReader(os.Stdin, maxTyped+1))
	if err != nil {
		return "", fmt.Errorf("reading stdin: %w", err)
	}
	if len(content) > maxTyped {
		return "", fmt.Errorf("stdin holds more than %d bytes", maxTyped)
	}
	secret, ended := strings.CutSuffix(string(content), "\n")
	if ended {
		secret = strings.TrimSuffix(secret, "\r")
		fmt.Fprintln(stderr, "The line break at the end of stdin is not taken for a part of it.")
	}
	return secret, nil
}

// readHidden reads a line from a terminal that does not show it meanwhile.
func readHidden(terminal *os.File, stderr io.Writer, prompt string) (string, error) {
	show, err := hide(terminal)
	if err != nil {
		return "", fmt.Errorf("hiding what is typed: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	done := make(chan struct{})
	defer close(done)
	defer signal.Stop(interrupted)
	go func() {
		select {
		case <-interrupted: // or the shell would go on without showing anything
			show()
			os.Exit(exitFault)
		case <-done:
		}
	}()
	defer show()
	fmt.Fprint(stderr, prompt)
	line, err := readLine(terminal)
	fmt.Fprintln(stderr)
	return line, err
}

// readLine reads up to a line break, byte by byte, so that nothing behind it is
// taken from who reads next.
func readLine(r io.Reader) (string, error) {
	var line bytes.Buffer
	one := make([]byte, 1)
	for line.Len() <= maxTyped {
		n, err := r.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return strings.TrimSuffix(line.String(), "\r"), nil
		case n == 1:
			line.WriteByte(one[0])
		case errors.Is(err, io.EOF):
			return line.String(), nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("the line holds more than %d bytes", maxTyped)
}
