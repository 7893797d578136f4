server { # ERROR: "server" is declared twice
}
