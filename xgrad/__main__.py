"""`python -m xgrad`."""

from xgrad.cli import main

main(prog_name="xgrad")
