package rehearse

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// teller answers on a loopback address about opaque tokens that it issued.
type teller struct {
	url    string
	server *http.Server
	tokens sync.Map // their claims, by token
}

func newTeller() (*teller, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening in the place of sources with opaque tokens: %w", err)
	}
	t := &teller{url: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /introspect", t.introspect)
	mux.HandleFunc("GET /userinfo", t.userinfo)
	t.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go t.server.Serve(listener) //nolint:errcheck // it ends with close
	return t, nil
}

func (t *teller) close() { t.server.Close() } //nolint:errcheck // nothing was kept

// issue makes a token for claims.
func (t *teller) issue(from io.Reader, claims map[string]any) (string, error) {
	token, err := random(from, 24)
	t.tokens.Store(token, claims)
	return token, err
}

// introspect answers as RFC 7662 §2.2 has it.
func (t *teller) introspect(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"active": false}
	if claims, issued := t.tokens.Load(r.PostFormValue("token")); issued {
		answer = maps.Clone(claims.(map[string]any))
		answer["active"] = true
	}
	tell(w, answer)
}

// userinfo answers with the claims of the holder (OpenID Connect Core §5.3).
func (t *teller) userinfo(w http.ResponseWriter, r *http.Request) {
	claims, issued := t.tokens.Load(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if !issued {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	tell(w, claims.(map[string]any))
}

func tell(w http.ResponseWriter, claims map[string]any) {
	text, err := encode(claims)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text) //nolint:errcheck // who asked went away
}
