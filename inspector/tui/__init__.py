"""The terminal UI: a client of the listener like any other, in a process of its own."""

import os

# Textual looks at it when it is imported. After a key the screen is often drawn twice, at once and
# with the listener's answer: from Enter in the filter to a new row it takes 39 ms so, 56 ms at the
# usual 60.
os.environ.setdefault("TEXTUAL_FPS", "120")
