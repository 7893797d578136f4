policy "none" { # ERROR: "script" or "script_file" is missing
}

policy "both" {
  script      = "return true;"
  script_file = "policy.js" # ERROR: "script" and "script_file" exclude each other # ERROR: file "policy.js" does not exist
}

policy "heredoc" {
  script = <<-JS
    const name = `${request.user.name}`; // # ERROR: interpolation in a script
    return name === "%{x}";              // # ERROR: interpolation in a script
  JS
}

policy "quoted" {
  script = "return ${local.x};" # ERROR: interpolation in a script
}

policy "alone" {
  script = "${local.x}" # ERROR: interpolation in a script
}

policy "computed" {
  script = local.x # ERROR: "script" must be written out
}

policy "called" {
  script = file("x.js") # ERROR: "script" must be written out
}

policy "joined" {
  script = ("return true;") # ERROR: "script" must be written out
}

policy "empty" {
  script = " " # ERROR: "script" is empty
}

policy "typescript" {
  script_file  = "policy.ts"   # ERROR: file "policy.ts" does not exist
  shadow_until = "2030-01-01"  # ERROR: "shadow_until" is not a time
}

policy "module" {
  script_file = "policy.mjs" # ERROR: "script_file" is no script
}

policy "python" {
  script_file = "policy.py" # ERROR: "script_file" is no script
}

policy "outside" {
  script_file = "../../valid/policy.js" # ERROR: file "../../valid/policy.js" lies outside of the configuration
}

policy "number" {
  script = 3     # ERROR: "script" must be written out
  inputs = "x"   # ERROR: "inputs" must be an object
}
