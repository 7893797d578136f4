package scripting

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// The members of what a script sees. None of these is ever changed.
var (
	requestMembers = []string{"context", "user", "provider", "http", "client_ip", "time"}
	contextMembers = []string{"oauth_jwt", "JWT", "oauth_scopes", "oauth_grant_type", "source", "actor", "cert", "registry"}
	certMembers    = []string{"subject", "issuer", "serial", "not_after", "fingerprint"}
	userMembers    = []string{"username", "name", "groups", "attributes"}
	httpMembers    = []string{"door", "method", "host", "path", "client_ip", "headers"}
)

// request is what the script sees under that name.
func (run *evaluation) request() *goja.Object {
	return run.shape("request", requestMembers, func(name string) goja.Value {
		switch name {
		case "context":
			return run.context()
		case "user":
			return run.user()
		case "provider":
			return run.rt.ToValue(run.in.Provider)
		case "http":
			return run.http()
		case "client_ip":
			return run.clientIP()
		default:
			return run.rt.ToValue(run.in.Time.UTC().Format(time.RFC3339))
		}
	})
}

func (run *evaluation) context() goja.Value {
	return run.shape("request.context", contextMembers, func(name string) goja.Value {
		switch name {
		case "oauth_scopes":
			return run.texts("request.context.oauth_scopes", run.in.Scopes)
		case "oauth_grant_type":
			return run.rt.ToValue(run.in.GrantType)
		case "source":
			return run.textOrNull(run.in.Source)
		case "actor":
			return run.textOrNull(run.in.Actor)
		case "cert":
			return run.cert()
		case "registry": // no registry door asks yet
			return goja.Null()
		default:
			if run.jwt == nil { // one object under both its names
				run.jwt = run.claims()
			}
			return run.jwt
		}
	})
}

func (run *evaluation) claims() goja.Value {
	if run.in.JWT == nil {
		return goja.Null()
	}
	return run.record("request.context.oauth_jwt", run.in.JWT)
}

// cert is the certificate by whose key the JWT was verified.
func (run *evaluation) cert() goja.Value {
	cert := run.in.Certificate
	if cert == nil {
		return goja.Null()
	}
	return run.shape("request.context.cert", certMembers, func(name string) goja.Value {
		switch name {
		case "subject":
			return run.rt.ToValue(cert.Subject)
		case "issuer":
			return run.rt.ToValue(cert.Issuer)
		case "serial":
			return run.rt.ToValue(cert.Serial)
		case "not_after":
			return run.rt.ToValue(cert.NotAfter.UTC().Format(time.RFC3339))
		default:
			return run.rt.ToValue(cert.Fingerprint)
		}
	})
}

func (run *evaluation) user() goja.Value {
	return run.shape("request.user", userMembers, func(name string) goja.Value {
		switch name {
		case "username":
			return run.rt.ToValue(run.in.User.Name)
		case "name":
			return run.rt.ToValue(run.in.User.DisplayName)
		case "groups":
			return run.texts("request.user.groups", run.in.User.Groups)
		default:
			return run.record("request.user.attributes", run.in.User.Attributes)
		}
	})
}

func (run *evaluation) http() goja.Value {
	return run.shape("request.http", httpMembers, func(name string) goja.Value {
		switch http := &run.in.HTTP; name {
		case "door":
			return run.rt.ToValue(http.Door)
		case "method":
			return run.rt.ToValue(http.Method)
		case "host":
			return run.rt.ToValue(http.Host)
		case "path":
			return run.rt.ToValue(http.Path)
		case "headers":
			return run.headers()
		default:
			return run.clientIP()
		}
	})
}

// headers are the fields that are let through, null where the request has none.
func (run *evaluation) headers() goja.Value {
	return run.shape("request.http.headers", run.in.HTTP.HeaderNames, func(name string) goja.Value {
		if value, ok := run.in.HTTP.Headers[name]; ok {
			return run.rt.ToValue(value)
		}
		return goja.Null()
	})
}

func (run *evaluation) clientIP() goja.Value {
	if !run.in.HTTP.ClientIP.IsValid() {
		return goja.Null()
	}
	return run.rt.ToValue(run.in.HTTP.ClientIP.String())
}

func (run *evaluation) textOrNull(s string) goja.Value {
	if s == "" {
		return goja.Null()
	}
	return run.rt.ToValue(s)
}

// inputsObject is the policy's inputs: what the author named is all there is.
func (run *evaluation) inputsObject() *goja.Object {
	return run.shape("inputs", run.inputNames, func(name string) goja.Value {
		return run.value("inputs", run.inputs[name])
	})
}

// readOnly refuses every write. In strict mode that would be a TypeError of
// goja anyway; this one says what was tried.
type readOnly struct {
	run  *evaluation
	path string // as the script writes it
}

func (r readOnly) refuse() bool {
	panic(r.run.rt.NewTypeError("%s is read-only", r.path))
}

// What follows are goja's dynamic objects, which convert a member when it is
// read. The shared kind has no prototype, so that no member of a claims object
// comes from anywhere but the claims; each is used by one runtime only.

// shape is an object with exactly the members that its names say.
type shape struct {
	readOnly
	names []string
	get   func(name string) goja.Value
	made  []goja.Value // by names: an object is the same each time it is read
}

func (run *evaluation) shape(path string, names []string, get func(string) goja.Value) *goja.Object {
	return goja.NewSharedDynamicObject(&shape{readOnly: readOnly{run, path}, names: names, get: get})
}

func (s *shape) Get(name string) goja.Value {
	i := slices.Index(s.names, name)
	if i < 0 {
		s.unknown(name)
		return nil
	}
	if s.made == nil {
		s.made = make([]goja.Value, len(s.names))
	}
	if s.made[i] == nil {
		s.made[i] = s.get(name)
	}
	return s.made[i]
}

// unknown throws for a member that there is not, but for the names that the
// language itself looks for.
func (s *shape) unknown(name string) {
	if !languageAsks(name) {
		panic(s.run.rt.NewTypeError("%s has no member %q. %s", s.path, name, strings.TrimSuffix(memberRemedy(s.path, name, s.names), ".")))
	}
}

func (s *shape) Has(name string) bool        { return slices.Contains(s.names, name) }
func (s *shape) Keys() []string              { return s.names }
func (s *shape) Set(string, goja.Value) bool { return s.refuse() }
func (s *shape) Delete(string) bool          { return s.refuse() }

// record is an object of a JWT or of the configuration: a member that is
// absent is undefined.
type record struct {
	readOnly
	values map[string]any
	made   map[string]goja.Value
}

func (run *evaluation) record(path string, values map[string]any) *goja.Object {
	return goja.NewSharedDynamicObject(&record{readOnly: readOnly{run, path}, values: values})
}

func (r *record) Get(name string) goja.Value {
	if v, ok := r.made[name]; ok {
		return v
	}
	raw, ok := r.values[name]
	if !ok {
		return nil
	}
	v := r.run.value(r.path, raw)
	if _, ok := v.(*goja.Object); ok {
		if r.made == nil {
			r.made = make(map[string]goja.Value, 1)
		}
		r.made[name] = v
	}
	return v
}

func (r *record) Has(name string) bool {
	_, ok := r.values[name]
	return ok
}

func (r *record) Keys() []string              { return slices.Sorted(maps.Keys(r.values)) }
func (r *record) Set(string, goja.Value) bool { return r.refuse() }
func (r *record) Delete(string) bool          { return r.refuse() }

// list is an array of a JWT, of the configuration or of the request.
type list struct {
	readOnly
	length int
	at     func(i int) goja.Value
	made   map[int]goja.Value
}

func (run *evaluation) list(path string, items []any) goja.Value {
	return run.rt.NewDynamicArray(&list{
		readOnly: readOnly{run, path}, length: len(items),
		at: func(i int) goja.Value { return run.value(path, items[i]) },
	})
}

func (run *evaluation) texts(path string, items []string) goja.Value {
	return run.rt.NewDynamicArray(&list{
		readOnly: readOnly{run, path}, length: len(items),
		at: func(i int) goja.Value { return run.rt.ToValue(items[i]) },
	})
}

func (l *list) Get(i int) goja.Value {
	if i < 0 || i >= l.length {
		return nil
	}
	if v, ok := l.made[i]; ok {
		return v
	}
	v := l.at(i)
	if _, ok := v.(*goja.Object); ok {
		if l.made == nil {
			l.made = make(map[int]goja.Value, 1)
		}
		l.made[i] = v
	}
	return v
}

func (l *list) Len() int                 { return l.length }
func (l *list) Set(int, goja.Value) bool { return l.refuse() }
func (l *list) SetLen(int) bool          { return l.refuse() }

// value turns decoded JSON into what a script sees of it.
func (run *evaluation) value(path string, v any) goja.Value {
	switch v := v.(type) {
	case nil:
		return goja.Null()
	case string, bool:
		return run.rt.ToValue(v)
	case json.Number:
		return run.number(v)
	case []any:
		return run.list(path, v)
	case map[string]any:
		return run.record(path, v)
	default:
		panic(fmt.Sprintf("scripting: %s holds a %T, which no decoder of claims or inputs makes", path, v))
	}
}

// maxExact is 2^53: up to it a JavaScript number holds every whole number.
const maxExact = 1 << 53

// number gives a number where JavaScript can tell it from its neighbours, and
// its text where it cannot: two large identifiers must not look alike.
func (run *evaluation) number(n json.Number) goja.Value {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		if i >= -maxExact && i <= maxExact {
			return run.rt.ToValue(i)
		}
		return run.rt.ToValue(n.String())
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || f == math.Trunc(f) && math.Abs(f) > maxExact {
		return run.rt.ToValue(n.String())
	}
	return run.rt.ToValue(f)
}
