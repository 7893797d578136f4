package main

import (
	"os"
	"os/user"
	"strconv"
)

// userName is the name of a user, or its number where it has none.
func userName(uid int) string {
	number := strconv.Itoa(uid)
	if known, err := user.LookupId(number); err == nil {
		return known.Username
	}
	return "uid " + number
}

// ownName is who runs this command.
func ownName() string { return userName(os.Geteuid()) }
