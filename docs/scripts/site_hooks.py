"""What mkdocs does to the pages of `docs`, so that they are the same files here, on GitHub and on the site."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

REFERENCE = "<!-- reference -->"
APP, COMMAND = "napari_colorizer.cli", "napari-colorizer"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links out of `docs` to the repository, and put the reference of the command into its page."""
    if REFERENCE in markdown:
        markdown = markdown.replace(REFERENCE, shell_reference())
    return re.sub(r"\]\(\.\./(?=\S)", f"]({config.repo_url.rstrip('/')}/blob/main/", markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Let a click on a picture show it in full size, and give back the asterisks of a* and b* in docstrings."""
    html = re.sub(r"\ba<em>([^<]{0,20}\bb)</em>", r"a*\1*", html)
    return re.sub(r'<img [^>]*src="([^"]+)"[^>]*>', r'<a href="\1" title="Show in full size">\g<0></a>', html)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Leave out what asks GitHub for the number of its stars whenever a page is opened."""
    return output.replace(' data-md-component="source"', "")


def shell_reference() -> str:
    """The reference of the command in Markdown, as typer makes it of the command itself."""
    made = subprocess.run(
        [sys.executable, "-m", "typer", APP, "utils", "docs", "--name", COMMAND],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout
    return made[made.index("## ") :]  # what it does as a whole stands on the page
