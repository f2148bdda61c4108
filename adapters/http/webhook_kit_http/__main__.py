"""``python -m webhook_kit_http``: print the callback contract as OpenAPI 3.1; ``--write`` writes it to the package."""

from __future__ import annotations

import sys

from webhook_kit_http.openapi import FILE, text

if sys.argv[1:] == ["--write"]:
    FILE.write_text(text(), encoding="utf-8")
else:
    sys.stdout.write(text())
