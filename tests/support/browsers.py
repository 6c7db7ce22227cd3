"""Whether a browser is there for what needs one."""

import pytest

from optim.sharing.browser import browser

needs_chromium = pytest.mark.skipif(not browser(), reason="neither Chrome nor Chromium is there")
