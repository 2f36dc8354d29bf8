"""The commands: option parsing, progress and exit codes, one file per command."""
