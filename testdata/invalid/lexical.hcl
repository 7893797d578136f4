service_account 'a' { # ERROR: invalid character
}
