service_account "a" {
  groups = ["a" "b"] # ERROR: missing item separator
}
