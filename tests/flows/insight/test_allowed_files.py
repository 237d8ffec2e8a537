import os
from pathlib import Path

import pytest

from flows.errors import InputError, MissingError
from flows.insight.files import AllowedFiles


@pytest.fixture
def place(tmp_path):
    """A folder with one file, and a secret beside it."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "orders.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("no\n")
    return inside


def test_a_relative_path_is_read_from_the_first_folder_that_holds_it(place, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "more.csv").write_text("b\n")
    files = AllowedFiles([place, other])
    assert files.read("orders.csv") == str(place / "orders.csv")
    assert files.read("more.csv") == str(other / "more.csv")
    assert files.read(str(other / "more.csv")) == str(other / "more.csv")


def test_a_new_file_is_written_below_the_first_folder_and_nothing_is_made_before(place, tmp_path):
    assert AllowedFiles([place, tmp_path]).write("out/report.xlsx") == str(place / "out" / "report.xlsx")
    assert not (place / "out").exists()


@pytest.mark.parametrize("path", ["../secret.csv", "sub/../../secret.csv", "/etc/passwd", "link.csv", "folder/secret.csv", ".env",
                                  ".ssh/id"])
@pytest.mark.parametrize("verb", ["read", "write"])
def test_nothing_outside_and_nothing_hidden_is_reached(place, tmp_path, path, verb):
    (place / "link.csv").symlink_to(tmp_path / "secret.csv")
    (place / "folder").symlink_to(tmp_path)
    (place / ".env").write_text("PASSWORD=x")
    with pytest.raises(InputError) as error:
        getattr(AllowedFiles([place]), verb)(path)
    assert repr(path) in str(error.value)
    assert str(place) in str(error.value)
    assert "PENSTOCK_PATHS" in str(error.value)


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "", "x" * 5000, "\x1b[31mred"])
def test_a_name_that_is_none_is_refused_in_one_printable_line(place, path):
    with pytest.raises(InputError) as error:
        AllowedFiles([place]).read(path)
    assert str(error.value).isprintable()


def test_a_link_that_points_at_itself_is_refused(place):
    (place / "loop.csv").symlink_to(place / "loop.csv")
    with pytest.raises(InputError):
        AllowedFiles([place]).read("loop.csv")


def test_a_missing_file_names_its_neighbour(place):
    with pytest.raises(MissingError, match=r"Did you mean 'orders\.csv'"):
        AllowedFiles([place]).read("oders.csv")


def test_a_folder_and_a_pipe_are_no_files(place):
    (place / "sub").mkdir()
    os.mkfifo(place / "pipe")
    for name in ("sub", "pipe"):
        with pytest.raises(InputError, match="not a plain file"):
            AllowedFiles([place]).read(name)


def test_the_product_home_is_closed_except_for_its_files(tmp_path):
    home = tmp_path / "home"
    (home / "files").mkdir(parents=True)
    (home / "control.sqlite").touch()
    (home / "connections.yml").write_text("pg: secret")
    (home / "files" / "in.csv").write_text("a\n")
    files = AllowedFiles([tmp_path, home / "files"])
    assert files.read("home/files/in.csv") == files.read("in.csv") == str(home / "files" / "in.csv")
    for name in ("home/connections.yml", "home/control.sqlite"):
        with pytest.raises(InputError, match="outside the allowed folders"):
            files.read(name)
        with pytest.raises(InputError, match="outside the allowed folders"):
            files.write(name)


def test_without_folders_nothing_is_allowed(tmp_path):
    with pytest.raises(InputError):
        AllowedFiles([]).read(str(Path(tmp_path) / "x"))
    with pytest.raises(InputError):
        AllowedFiles([]).write("x")


@pytest.mark.parametrize("path", [".", "sub/.."])
def test_the_folder_itself_is_called_a_folder_and_not_outside(place, path):
    with pytest.raises(InputError, match="is a folder"):
        AllowedFiles([place]).read(path)
