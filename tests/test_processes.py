"""What a process loads, and what it leaves out."""

import importlib
import importlib.util
import sys

import pytest

from app import processes


def test_a_package_is_missing_only_inside_the_block_unless_it_was_loaded_before() -> None:
    assert "this" not in sys.modules
    with processes.without("this", "pytest"):
        with pytest.raises(ImportError):
            import this  # noqa: F401
        assert importlib.import_module("pytest") is pytest
    assert importlib.util.find_spec("this") is not None
