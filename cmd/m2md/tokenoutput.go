package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/strictjson"
)

// maxDockerConfig bounds a config.json that is added to, in bytes.
const maxDockerConfig = 1 << 20

func tokenOutputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Value: "token", Usage: "`FORM` of what is written: token; header (Authorization: Bearer ...); json (all that the server answers); env (export M2MD_TOKEN=...); docker-config; netrc"},
		&cli.StringFlag{Name: "registry", Usage: "the registry of docker-config, a `HOST`"},
		&cli.StringFlag{Name: "machine", Usage: "the machine of netrc, a `HOST`"},
		&cli.StringFlag{Name: "login", Value: "m2md", Usage: "the user of docker-config and netrc, a `NAME`; its password is the token"},
		&cli.StringFlag{Name: "file", Usage: "write to a `FILE`, whole or not at all, instead of stdout; docker-config is added to what the file holds"},
		&cli.StringFlag{Name: "mode", Value: "0600", Usage: "the permissions of that file, an octal `MODE`"},
	}
}

// tokenOutput is where a token goes, and in which form.
type tokenOutput struct {
	form   string
	host   string // of docker-config and netrc
	login  string // as above
	file   string // "": stdout
	mode   fs.FileMode
	stdout io.Writer
	stderr io.Writer
	render func(t *accessToken) ([]byte, error)
}

func readTokenOutput(c *cli.Context) (*tokenOutput, error) {
	o := &tokenOutput{form: c.String("output"), login: c.String("login"), file: c.String("file"), stdout: c.App.Writer, stderr: c.App.ErrWriter}
	mode, err := strconv.ParseUint(c.String("mode"), 8, 32)
	if err != nil || mode > 0o777 || mode&0o400 == 0 {
		return nil, usagef("--mode: %q is not an octal mode in which the owner may read, such as 0640", c.String("mode"))
	}
	o.mode = fs.FileMode(mode)
	switch o.form {
	case "token":
		o.render = func(t *accessToken) ([]byte, error) { return []byte(t.text + "\n"), nil }
	case "header":
		o.render = func(t *accessToken) ([]byte, error) { return []byte("Authorization: Bearer " + t.text + "\n"), nil }
	case "json":
		o.render = func(t *accessToken) ([]byte, error) { return append(slices.Clip(t.answer), '\n'), nil }
	case "env":
		o.render = func(t *accessToken) ([]byte, error) {
			return []byte("export M2MD_TOKEN=" + shellQuoted(t.text) + "\n"), nil
		}
	case "docker-config":
		o.host, o.render = c.String("registry"), o.dockerConfig
	case "netrc":
		o.host, o.render = c.String("machine"), o.netrc
	default:
		return nil, usagef("--output: %q is none of token, header, json, env, docker-config and netrc", o.form)
	}
	return o, o.check(c)
}

// hostFlags are the flags that name the host, by the form that has one.
var hostFlags = map[string]string{"docker-config": "registry", "netrc": "machine"}

func (o *tokenOutput) check(c *cli.Context) error {
	flag := hostFlags[o.form]
	for form, other := range hostFlags {
		if c.IsSet(other) && form != o.form {
			return usagef("--%s has no place without --output %s", other, form)
		}
	}
	switch {
	case flag == "" && c.IsSet("login"):
		return usagef("--login has no place without --output docker-config or netrc")
	case c.IsSet("mode") && o.file == "":
		return usagef("--mode has no place without --file")
	case flag == "":
		return nil
	case o.host == "":
		return usagef("--%s is missing: the host that the token is shown to", flag)
	case strings.ContainsFunc(o.host, notInToken) || o.form == "netrc" && strings.Contains(o.host, "/"):
		return usagef("--%s: %q is not a host", flag, o.host)
	case o.login == "" || strings.ContainsFunc(o.login, notInToken) || strings.Contains(o.login, ":"):
		return usagef("--login: %q is not a user name without spaces, quotes and colons", o.login)
	}
	return nil
}

// put writes a token to where it goes.
func (o *tokenOutput) put(t *accessToken) error {
	content, err := o.render(t)
	if err == nil && o.file == "" {
		_, err = o.stdout.Write(content)
		return err
	}
	if err == nil {
		err = replaceSecret(o.file, content, o.mode)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", o.file, err)
	}
	return nil
}

// shellQuoted is text as one word of a POSIX shell.
func shellQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// dockerHub is what Docker calls its own registry.
const dockerHub = "https://index.docker.io/v1/"

// dockerConfig is a config.json of Docker in which the registry has the token
// for a password, and all else is as it was.
func (o *tokenOutput) dockerConfig(t *accessToken) ([]byte, error) {
	config, err := o.existingConfig()
	if err != nil {
		return nil, err
	}
	host := o.host
	if host == "docker.io" || host == "index.docker.io" {
		host = dockerHub
	}
	auths := map[string]json.RawMessage{}
	if before, there := config["auths"]; there && string(before) != "null" {
		if auths, err = strictjson.Members(before); err != nil {
			return nil, fmt.Errorf("its auths: %w", err)
		}
	}
	entry := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(o.login + ":" + t.text))}
	if auths[host], err = json.Marshal(entry); err != nil {
		return nil, err
	}
	if config["auths"], err = json.Marshal(auths); err != nil {
		return nil, err
	}
	o.tellOfHelpers(config, host)
	content, err := json.MarshalIndent(config, "", "\t")
	return append(content, '\n'), err
}

// existingConfig is what the file holds already.
func (o *tokenOutput) existingConfig() (map[string]json.RawMessage, error) {
	content, err := o.existing()
	if err != nil || len(content) == 0 {
		return map[string]json.RawMessage{}, err
	}
	if len(content) > maxDockerConfig {
		return nil, fmt.Errorf("it is larger than %d bytes", maxDockerConfig)
	}
	return strictjson.Members(content)
}

// existing is what the file holds; nothing where there is none.
func (o *tokenOutput) existing() ([]byte, error) {
	if o.file == "" {
		return nil, nil
	}
	f, err := os.Open(o.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxDockerConfig+1))
}

// tellOfHelpers warns where Docker will not look at what is written.
func (o *tokenOutput) tellOfHelpers(config map[string]json.RawMessage, host string) {
	helpers, err := strictjson.Members(config["credHelpers"])
	_, helped := helpers[host]
	if err == nil && helped {
		fmt.Fprintf(o.stderr, "m2md: %s has a credHelpers entry for %s, which Docker asks instead\n", o.file, host)
	}
	if store := string(config["credsStore"]); store != "" && store != `""` && store != "null" {
		fmt.Fprintf(o.stderr, "m2md: %s has a credsStore, which Docker asks instead\n", o.file)
	}
}

// netrc is a file for one machine. It takes the place of one like it only:
// somebody's ~/.netrc has more in it.
func (o *tokenOutput) netrc(t *accessToken) ([]byte, error) {
	content, err := o.existing()
	if err != nil {
		return nil, err
	}
	if words := strings.Fields(string(content)); len(words) > 0 && (len(words) != 6 || words[0] != "machine" || words[1] != o.host) {
		return nil, fmt.Errorf("it holds more than an entry for %s, which would be lost; name a file of its own", o.host)
	}
	return fmt.Appendf(nil, "machine %s login %s password %s\n", o.host, o.login, t.text), nil
}

// replaceSecret writes a file as a whole or not at all, so that nobody reads
// half a token. A link is followed, so that it stays one, and the owner stays.
func replaceSecret(path string, content []byte, mode fs.FileMode) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	replaced, err := os.Stat(path)
	switch {
	case err == nil && !replaced.Mode().IsRegular():
		return errors.New("it is no regular file")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".m2md-*") // which nobody else may read
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s", filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone after the rename
	_, err = temporary.Write(content)
	if replaced != nil {
		err = errors.Join(err, keepOwner(temporary, replaced))
	}
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
