"""`python -m flows.cli`: the command without its script, for a checkout that was moved."""

from flows.cli import main

main()
