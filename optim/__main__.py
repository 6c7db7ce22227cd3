"""`python -m optim`."""

import sys

from optim.cli import main

if __name__ == "__main__":
    sys.exit(main())
