package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine"
)

// MountHealth adds /-/healthy, which says that the process lives, and
// /-/ready, which says that it has a generation to serve and is not draining.
func MountHealth(mux *http.ServeMux, live *engine.Live, draining func() bool) {
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("healthy\n")) //nolint:errcheck // a prober that went away is no fault of ours
	})
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if live.Load() == nil || draining() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n")) //nolint:errcheck // as above
	})
}
