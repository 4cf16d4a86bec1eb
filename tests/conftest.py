"""What every test shares: the rule of skipping, and the list at the end of what was skipped."""

from __future__ import annotations

import outside_tools
import pytest

_SKIPPED = pytest.StashKey[dict[str, list[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-all", action="store_true", help="a missing tool is a failure, not a skip")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SKIPPED] = {}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        (tool,) = marker.args
        if outside_tools.find(tool) is None:
            item.config.stash[_SKIPPED].setdefault(tool, []).append(item.nodeid)
            if item.config.getoption("--require-all"):
                pytest.fail(f"{tool} is not here; run: {outside_tools.how(tool)}", pytrace=False)
            pytest.skip(f"needs {tool}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = config.stash[_SKIPPED]
    if not skipped:
        return
    terminalreporter.section("skipped, and what installs it")
    for tool, tests in sorted(skipped.items()):
        terminalreporter.line(f"{tool}: {len(tests)} tests; install it with: {outside_tools.how(tool)}")
    terminalreporter.line("or everything at once: make test-all")
