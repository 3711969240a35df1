"""`python -m builder.cli`: the command without its installed script."""

from builder.cli import main

main()
