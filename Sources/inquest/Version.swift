/// The program's version, as `--version` prints it and every recording carries it.
let inquestVersion = "0.1.0"
