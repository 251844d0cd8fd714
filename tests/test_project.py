"""What the files around the package promise: dependencies, addresses, links."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
OURS = {"napari_colorizer", "make_pictures"}  # scripts lie beside each other
EXPECTED_SOON = {"magicgui"}  # forms
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


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
    assert used - required == declared(PROJECT["project"]["optional-dependencies"]["cluster"])
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
