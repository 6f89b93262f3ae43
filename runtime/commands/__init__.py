"""The commands of `vbrain`, one module a command."""
