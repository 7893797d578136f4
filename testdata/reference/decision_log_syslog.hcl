server {
  external_url = "https://auth.example.com"
}

decision_log {
  output = "syslog"
  syslog = "tcp://logs.example.com:601"
}
