"""The commands of `switchboard`, a module each."""
