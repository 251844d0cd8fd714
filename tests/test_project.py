"""What the files around the package promise: dependencies, addresses, links."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import napari_colorizer

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_colorizer"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
OURS = {"napari_colorizer", "make_pictures", "hand", "default_stages"}  # scripts lie beside each other
EXPECTED_SOON = {"magicgui"}  # forms
CODE_WIDTH = 98  # characters, in a window of 1366 pixels
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture
def script():
    """A script of `docs/scripts`, by its name, as a module."""

    def load(name):
        spec = spec_from_file_location(name, ROOT / "docs" / "scripts" / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def declared(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def imported(*folders):
    """Distributions that the code in some folders imports; a module that nobody provides goes by its own name."""
    modules = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    providers = packages_distributions()
    return {
        canonicalize_name(providers.get(module, [module])[0]) for module in modules - OURS - sys.stdlib_module_names
    }


def test_what_the_package_imports_is_required_and_nothing_else():
    required, used = declared(PROJECT["project"]["dependencies"]), imported("src")
    extras = PROJECT["project"]["optional-dependencies"]
    assert used - required == declared(extras["cluster"]) | declared(extras["video"])
    assert required - used <= EXPECTED_SOON


def test_what_tests_and_scripts_import_comes_with_the_extra_for_developers():
    project = PROJECT["project"]
    installed = declared(project["dependencies"]) | declared(project["optional-dependencies"]["dev"])
    assert imported("tests", "docs/scripts") - installed == set()


def links(page):
    return re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / page).read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_leads_to_one(page):
    folder = (ROOT / page).parent
    assert [link for link in links(page) if ":" not in link and not (folder / link).exists()] == []


def test_the_readme_of_a_release_has_whole_addresses_only():
    text = (ROOT / "README.md").read_text("utf-8")
    for change in PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    source = PROJECT["project"]["urls"]["Source"]
    targets = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", text)
    assert {target.partition(":")[0] for _, target in targets} == {"https"}
    pictures = [target for picture, target in targets if picture]
    assert pictures
    assert all(target.startswith(f"{source}/raw/v$HFPR_VERSION/docs/images/") for target in pictures)
    assert f"{source}/blob/v$HFPR_VERSION/docs/training.md" in [target for _, target in targets]


def test_the_project_has_one_address():
    names = ("pyproject.toml", "CITATION.cff", *PAGES)
    texts = [path.read_text("utf-8") for path in (*(ROOT / name for name in names), *(ROOT / ".github").rglob("*.*"))]
    found = {address for text in texts for address in re.findall(r"github\.com/([\w-]+/[\w-]+colorizer)", text)}
    assert found == {PROJECT["project"]["urls"]["Source"].removeprefix("https://github.com/")}


def test_the_citation_tells_the_version_of_the_package():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert {"given-names": "Man M.", "family-names": "Ho"} in citation["references"][0]["authors"]


def test_the_site_has_every_page_and_every_public_name():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    in_menu = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(in_menu) == sorted(pages)
    documented = re.findall(
        r"^::: napari_colorizer\.(\w+)$", (ROOT / "docs/python.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(documented) == sorted(napari_colorizer.__all__)


def test_the_reference_of_the_command_is_made_of_the_command(script):
    reference = script("site_hooks").shell_reference()
    assert re.findall(r"^## `napari-colorizer (\w+)`$", reference, re.MULTILINE)[:2] == ["segment", "colorize"]
    assert "`--chroma-gain" in reference


def test_links_out_of_the_pages_lead_to_the_repository(script):
    config = SimpleNamespace(repo_url="https://example.org/us/ours/")
    page = "[code](../src/a.py) [page](model.md)"
    assert script("site_hooks").on_page_markdown(page, None, config, None) == (
        "[code](https://example.org/us/ours/blob/main/src/a.py) [page](model.md)"
    )


def test_pictures_open_in_full_size_and_a_page_of_the_site_asks_no_other_server(script):
    hooks = script("site_hooks")
    picture = '<img alt="A" src="../a.jpg">'
    shown = hooks.on_page_content(f"<p>{picture}</p>", None, None, None)
    assert re.fullmatch(r'<p><a href="\.\./a\.jpg"[^>]*>(.*)</a></p>', shown)[1] == picture
    assert hooks.on_post_page('<a class="s" data-md-component="source">', None, None) == '<a class="s">'


def test_no_code_is_wider_than_a_page_of_the_site():
    for page in (ROOT / "docs").glob("*.md"):
        code = re.findall(r"^```\w+\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        assert [line for block in code for line in block.splitlines() if len(line) > CODE_WIDTH] == [], page.name


def test_the_drawings_show_the_networks_of_now(script):
    for name, draw in script("draw_networks").DRAWINGS.items():
        assert (ROOT / "docs" / "images" / name).read_text("utf-8") == draw(), "run docs/scripts/draw_networks.py"


def test_the_icon_is_the_one_that_is_drawn(script):
    name = re.search(r"^icon: napari_colorizer:(.+)$", (PACKAGE / "napari.yaml").read_text("utf-8"), re.MULTILINE)[1]
    with Image.open(PACKAGE / name) as icon:
        assert np.array_equal(np.asarray(icon), np.asarray(script("draw_icon").draw())), "run docs/scripts/draw_icon.py"


def test_the_oldest_versions_are_those_that_the_package_asks_for():
    told = subprocess.run([sys.executable, ROOT / ".ci/oldest-versions"], check=True, capture_output=True, text=True)
    oldest = {Requirement(line).name: next(iter(Requirement(line).specifier)) for line in told.stdout.splitlines()}
    asked = {Requirement(text).name: Requirement(text).specifier for text in PROJECT["project"]["dependencies"]}
    assert {"napari", "numpy", "scikit-image", "torch"} <= set(oldest)
    assert set(oldest) == {name for name, versions in asked.items() if versions}
    assert all(pinned.operator == "==" and pinned.version in asked[name] for name, pinned in oldest.items())


def texts_of_the_program():
    """All text that stands in the code, what is filled in left out."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{\w*\}", "\0", node.value)  # of str.format


def test_the_messages_that_are_explained_are_those_of_the_program():
    page = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    quotes = re.findall(r"^> (.+(?:\n> .+)*)", page, re.MULTILINE)
    quotes += re.findall(r"(?<!\*)\*([^*\n]+(?:\n[^*\n]+)?)\*(?!\*)", page)
    parts = [re.sub(r"\s*\n(> |\s*)", " ", part).strip(" ().:;") for quote in quotes for part in quote.split("\u2026")]
    messages = [part for part in parts if part.count(" ") > 2 and " > " not in part and not re.search(r"\d", part)]
    program = "\0".join(texts_of_the_program())
    assert len(messages) > 40
    assert [message for message in messages if message not in program] == []


def test_versions_that_the_dialog_is_to_install_are_told_to_pip_and_uv(script, tmp_path):
    constraint = tmp_path / "given.txt"
    constraint.write_text('# why\ntorch==2.13.0  # new\n\nPySide6!=6.12.0; python_version < "3.12"\n', "utf-8")
    environment = script("install_by_dialog").constrained(constraint, tmp_path)
    assert environment["PIP_CONSTRAINT"] == str(constraint)
    settings = tomllib.loads(Path(environment["UV_CONFIG_FILE"]).read_text("utf-8"))
    assert settings == {"constraint-dependencies": ["torch==2.13.0", 'PySide6!=6.12.0; python_version < "3.12"']}
