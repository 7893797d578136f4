decision_log {
  output = "syslog"
  syslog = "log:514" # ERROR: "syslog" is no address of a syslog receiver
}
