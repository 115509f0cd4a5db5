"""`python -m openvoucher` is the command line."""

import sys

from openvoucher.cli import main

if __name__ == "__main__":
    sys.exit(main())
