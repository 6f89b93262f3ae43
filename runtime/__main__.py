"""`python -m runtime PROCESS`: one process of the box; people use the `vbrain` command."""

import sys

from runtime.processes import main

if __name__ == "__main__":
    sys.exit(main())
