package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/bolt"
)

// alone says what a command does where no daemon listens.
type alone struct {
	where engine.Storage // the zero value: that of the state folder
	// kept says that the storage must be there: a new one would be of no use.
	kept bool
	work func(storage.Store) error
}

// lockPatience is how long a command waits for others that work on the file.
const lockPatience = 15 * time.Second

// withDaemon asks the daemon, or works alone on the storage. Which of the two is
// found out before anything is asked for: a daemon that goes away in the middle
// is a failure, and nothing is done twice. Others that work on the storage at
// the same time are waited for.
func withDaemon(c *cli.Context, ask func(*serve.AdminClient) error, alone alone) error {
	socket, err := socketPath(c)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(lockPatience); ; {
		if !withoutDaemon(c, listens(c.Context, socket)) {
			return ask(serve.NewAdminClient(socket))
		}
		store, path, err := alone.open(c, socket)
		if _, locked := errors.AsType[*bolt.LockedError](err); locked && time.Now().Before(deadline) {
			continue // by somebody who will be done, or by a daemon that will listen
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "No daemon listens at %s; working on %s.\n", socket, path)
		return errors.Join(alone.work(store), store.Close())
	}
}

// listens says by an error why nobody can be asked at a socket.
func listens(ctx context.Context, socket string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// open opens the storage that no daemon has open.
func (a alone) open(c *cli.Context, socket string) (store storage.Store, path string, err error) {
	if a.where.Engine == memoryEngine {
		return nil, "", errors.New("the configuration keeps app passwords in memory, which only a running daemon has; start it, and run `m2md app-password create`")
	}
	dir, err := stateDir(c)
	if err != nil {
		return nil, "", err
	}
	path = storagePath(a.where, dir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && (a.kept || !stateDirNamed(c)) {
		// A new storage in a folder that nobody named would be one that no
		// daemon ever opens.
		return nil, "", fmt.Errorf("no daemon listens at %s, and there is no storage at %s; name the daemon's --state-dir", socket, path)
	}
	if err := makeStateDir(dir); err != nil {
		return nil, "", err
	}
	store, err = openStorage(a.where, dir)
	return store, path, err
}
