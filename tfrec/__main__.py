"""`python -m tfrec` is the command `tfrec`."""

import sys

from tfrec.cli import main

if __name__ == "__main__":
    sys.exit(main())
