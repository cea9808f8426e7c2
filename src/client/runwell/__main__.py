"""``python -m runwell`` is the command ``runwell``."""

import sys

from runwell.cli import main

sys.exit(main())
