package bolt

import "fmt"

// LockedError says that another process owns the file.
type LockedError struct {
	Path    string
	PID     int    // of the owner; 0 where the system does not tell
	Process string // its name; "" where the system does not tell
}

// Error names the owner as far as it is known.
func (e *LockedError) Error() string {
	switch {
	case e.PID == 0:
		return fmt.Sprintf("opening storage %s: locked by another process", e.Path)
	case e.Process == "":
		return fmt.Sprintf("opening storage %s: locked by pid %d", e.Path, e.PID)
	default:
		return fmt.Sprintf("opening storage %s: locked by pid %d (%s)", e.Path, e.PID, e.Process)
	}
}

// lockedBy finds out who owns the file.
func lockedBy(path string) *LockedError {
	pid, process := owner(path)
	return &LockedError{Path: path, PID: pid, Process: process}
}
