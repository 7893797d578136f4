locals {
  gone    = file("no-such.txt")        # ERROR: file "no-such.txt" does not exist
  outside = file("/etc/passwd")        # ERROR: file "/etc/passwd" lies outside of the configuration
  above   = file("../../go.mod")       # ERROR: file "../../go.mod" lies outside of the configuration
  folder  = file(".")                  # ERROR: file "." is not a regular file
  many    = env("A", "b", "c")         # ERROR: too many arguments for env()
  number  = env(3, 4)
}
