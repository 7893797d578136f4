package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// AdminClient asks a running daemon, over its socket.
type AdminClient struct {
	http *http.Client
	path string
}

// NewAdminClient makes a client for the socket at path. It connects with the
// first request.
func NewAdminClient(path string) *AdminClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &AdminClient{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, path: path}
}

// Reload has the daemon read its files again, and waits for the outcome.
func (c *AdminClient) Reload(ctx context.Context) (ReloadResult, error) {
	return ask[ReloadResult](ctx, c, http.MethodPost, "/reload", nil)
}

// Status asks how the daemon is.
func (c *AdminClient) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodGet, "/status", nil)
}

// ask makes one request. A refusal of the daemon is an error with its words.
func ask[T any](ctx context.Context, c *AdminClient, method, path string, body any) (result T, err error) {
	var encoded bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&encoded).Encode(body); err != nil {
			return result, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://m2md"+path, &encoded)
	if err != nil {
		return result, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return result, fmt.Errorf("asking the daemon at %s: %w", c.path, errors.Unwrap(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return result, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var refusal adminError
		if json.Unmarshal(answer, &refusal) != nil || refusal.Message == "" {
			return result, fmt.Errorf("the daemon answered %s", res.Status)
		}
		return result, errors.New(refusal.Message)
	}
	return result, json.Unmarshal(answer, &result)
}
