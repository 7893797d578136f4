locals {
  a = [for i in [for k in [for l in [1] : l] : k] : i] # ERROR: too many for expressions within each other
}
