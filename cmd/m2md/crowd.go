package main

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2md/m2md/engine"
)

// crowd bounds how many connections clients hold of the main listener, and how
// many of these one address has. Where there is no room, connections that wait
// for their next request make some, those of the fullest address first and of
// these the longest waiting: a client that finds its idle connection closed
// opens another, as it has to at any time. So whoever opens connections without
// end crowds out its own.
type crowd struct {
	live *engine.Live
	// files is how many this process can have open; each connection is one.
	files int

	mu     sync.Mutex
	guests map[*guest]bool
	of     map[netip.Prefix]int // guests of an address; trusted proxies are not counted

	closed  atomic.Uint64 // to make room
	refused atomic.Uint64 // as soon as they came
}

// guest is a connection of a client. Its state is that which http.Server tells.
type guest struct {
	net.Conn
	crowd *crowd
	from  netip.Prefix // the zero prefix for trusted proxies and unix sockets
	// idle is since when no request of it is answered, in Unix nanoseconds: inUse
	// while one is, leaving once it was chosen to make room.
	idle atomic.Int64
	once sync.Once
}

// What guest.idle holds beside times.
const (
	inUse   = 0
	leaving = -1
)

// spareFiles are kept for everything but connections of clients: storage, files
// of the configuration, fetches, commands.
const spareFiles = 128

// makeRoom is how many waiting connections make room at a time: looking for them
// takes as long as there are many.
const makeRoom = 32

func newCrowd(live *engine.Live, files int) *crowd {
	return &crowd{live: live, files: files, guests: map[*guest]bool{}, of: map[netip.Prefix]int{}}
}

// crowdListener is a listener whose connections are counted.
type crowdListener struct {
	net.Listener
	crowd *crowd
}

// Accept closes at once those for whom there is no room.
func (l crowdListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := l.crowd.admit(conn); g != nil {
			return g, nil
		}
		l.crowd.refused.Add(1)
		conn.Close()
	}
}

// most is how many connections there may be, and how many of one address.
func (c *crowd) most() (all, each int) {
	all = min(c.live.Load().MaxConnections(), max(c.files-spareFiles, spareFiles))
	return all, max(all/4, 1)
}

// admit counts a connection; nil where there is no room.
func (c *crowd) admit(conn net.Conn) *guest {
	g := &guest{Conn: conn, crowd: c}
	g.idle.Store(time.Now().UnixNano())
	if addr, known := peerAddress(conn); known && !c.live.Load().TrustsPeer(addr) {
		g.from = engine.Neighbourhood(addr)
	}
	all, each := c.most()
	c.mu.Lock()
	defer c.mu.Unlock()
	if g.counts() && c.of[g.from] >= each && !c.close(c.waiting(g.from)) {
		return nil
	}
	if len(c.guests) >= all && !c.close(c.waiting(c.fullest())) && !c.close(c.waiting(netip.Prefix{})) {
		return nil
	}
	c.guests[g] = true
	if g.counts() {
		c.of[g.from]++
	}
	return g
}

// counts says whether it is somebody's who could be anybody.
func (g *guest) counts() bool { return g.from.IsValid() }

// peerAddress is where a connection comes from; not known for a unix socket.
func peerAddress(conn net.Conn) (addr netip.Addr, known bool) {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	addr, known = netip.AddrFromSlice(tcp.IP)
	return addr.Unmap(), known
}

// fullest is the address with the most connections; the zero prefix where nobody
// counts.
func (c *crowd) fullest() (from netip.Prefix) {
	for address, n := range c.of {
		if n > c.of[from] {
			from = address
		}
	}
	return from
}

// waiting are connections without a request that is being answered, the longest
// waiting first: those of an address, or of all for the zero prefix.
func (c *crowd) waiting(from netip.Prefix) []*guest {
	var found []*guest
	for g := range c.guests {
		if g.idle.Load() > inUse && (!from.IsValid() || g.from == from) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *guest) int { return cmp.Compare(a.idle.Load(), b.idle.Load()) })
	return found
}

// close closes the first of some waiting connections, and says whether there
// was any. One that has just got a request stays.
func (c *crowd) close(waiting []*guest) (room bool) {
	for _, g := range waiting[:min(len(waiting), makeRoom)] {
		since := g.idle.Load()
		if since <= inUse || !g.idle.CompareAndSwap(since, leaving) {
			continue
		}
		room = true
		c.closed.Add(1)
		c.forget(g)
		go g.Conn.Close() // nobody waits for it under the lock
	}
	return room
}

// forget counts a connection no more; c.mu is held.
func (c *crowd) forget(g *guest) {
	g.once.Do(func() {
		delete(c.guests, g)
		if !g.counts() {
			return
		}
		if c.of[g.from]--; c.of[g.from] == 0 {
			delete(c.of, g.from)
		}
	})
}

// Close closes the connection and makes its room free.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	g.crowd.forget(g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// state is an http.Server's ConnState: it tells who waits.
func (c *crowd) state(conn net.Conn, state http.ConnState) {
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	g, ok := conn.(*guest)
	if !ok {
		return
	}
	was := g.idle.Load()
	switch {
	case was == leaving:
	case state == http.StateActive:
		g.idle.CompareAndSwap(was, inUse)
	case state == http.StateIdle:
		g.idle.CompareAndSwap(was, time.Now().UnixNano())
	}
}

// size is how many connections there are.
func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.guests)
}
