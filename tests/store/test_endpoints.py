"""The endpoints file: what it keeps, who may read it, and that no change is lost or half done."""

import hmac
import os
import stat
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from inspector.domain.endpoint import Endpoint
from inspector.errors import ConfigurationError, NotFoundError
from inspector.store.endpoints import EndpointsFile, Registry, hash_of


@pytest.fixture
def file(tmp_path: Path) -> EndpointsFile:
    return EndpointsFile(tmp_path / "data" / "relay.db-endpoints")


def only(file: EndpointsFile) -> Endpoint:
    (endpoint,) = file.read().endpoints
    return endpoint


def test_no_file_is_no_endpoint_and_reading_makes_none(file: EndpointsFile, tmp_path: Path) -> None:
    assert file.read() == Registry()
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_has_a_slug_and_a_token_that_nobody_guesses(file: EndpointsFile) -> None:
    made = [file.add(name, {}) for name in ("one", "two", "three")]
    endpoints = [endpoint for endpoint, _ in made]
    assert len({endpoint.slug for endpoint in endpoints}) == 3
    assert len({endpoint.id for endpoint in endpoints}) == 3
    assert all(len(bytes.fromhex(endpoint.slug)) == 16 for endpoint in endpoints)
    for endpoint, token in made:
        assert len(token) > 43  # 256 bits and what it begins with
        assert hmac.compare_digest(endpoint.token_sha256, hash_of(token))
    assert file.read().endpoints == tuple(endpoints)


def test_no_token_is_in_the_file_and_it_is_its_owners_alone(
    file: EndpointsFile, tmp_path: Path
) -> None:
    _, token = file.add("dev", {})
    _, other = file.rotate("dev")
    for path in (tmp_path / "data").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert token.encode() not in path.read_bytes()
        assert other.encode() not in path.read_bytes()


def test_a_rotated_token_changes_nothing_else(file: EndpointsFile) -> None:
    before, old = file.add("dev", {"ack": "app", "rate": 10.0})
    after, new = file.rotate("dev")
    assert new != old
    assert after.token_sha256 == hash_of(new)
    assert after.model_copy(update={"token_sha256": before.token_sha256}) == before


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("option", ["rate", "timeout"])
def test_what_the_file_could_not_say_is_refused(
    file: EndpointsFile, option: str, value: float
) -> None:
    file.add("dev", {})
    before = file.read()
    with pytest.raises(ValidationError, match=f"{option}\n.*finite"):
        file.set("dev", {option: value})
    with pytest.raises(ValidationError, match=f"{option}\n.*finite"):
        file.add("other", {option: value})
    assert file.read() == before


def test_what_could_not_be_read_back_is_not_written(file: EndpointsFile) -> None:
    file.add("dev", {})
    before = file.read()
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        file.part_from("dev", "no text \udcff")
    assert file.read() == before


def test_options_are_kept_and_only_what_is_named_is_changed(file: EndpointsFile) -> None:
    file.add("dev", {"ack": "app-or-stored:5", "max_body": 1000})
    file.set("dev", {"rate": 7.0, "timeout": 2.0})
    found = only(file)
    assert (found.ack, found.timeout, found.status) == ("app-or-stored:5", 2.0, 200)
    assert (found.limits.rate, found.limits.max_body) == (7.0, 1000)


@pytest.mark.parametrize("options", [{"rate": 0}, {"status": 99}, {"max_body": -1}, {"colour": 1}])
def test_what_cannot_be_is_refused_and_changes_nothing(
    file: EndpointsFile, options: dict[str, float]
) -> None:
    made, _ = file.add("dev", {})
    with pytest.raises(ValidationError, match=next(iter(options))):
        file.set("dev", options)
    assert only(file) == made


def test_a_name_is_there_once(file: EndpointsFile) -> None:
    file.add("dev", {})
    with pytest.raises(ConfigurationError, match="already"):
        file.add("dev", {})
    with pytest.raises(NotFoundError, match="no endpoint other"):
        file.rotate("other")


def test_what_was_removed_is_remembered_until_it_is_forgotten(file: EndpointsFile) -> None:
    first, _ = file.add("dev", {})
    file.remove("dev")
    again, _ = file.add("dev", {})
    assert (again.id, again.slug) != (first.id, first.slug)
    assert file.read().removed == (first.id,)
    file.forgotten(first.id)
    assert file.read() == Registry(endpoints=(again,))


def test_a_consumer_that_is_gone_is_remembered_until_it_is_forgotten(file: EndpointsFile) -> None:
    made, _ = file.add("dev", {})
    assert file.part_from("dev", "ann@laptop") == made
    assert file.read().removed == (f"{made.id}/ann@laptop",)
    file.forgotten(f"{made.id}/ann@laptop")
    assert file.read() == Registry(endpoints=(made,))
    with pytest.raises(NotFoundError):
        file.part_from("other", "ann@laptop")


def test_a_change_by_another_is_seen(file: EndpointsFile, tmp_path: Path) -> None:
    mine = EndpointsFile(tmp_path / "data" / "relay.db-endpoints")
    mine.read()
    assert not mine.changed()
    file.add("dev", {})
    assert mine.changed()
    mine.read()
    assert not mine.changed()
    file.set("dev", {"rate": 7.0})
    assert mine.changed()


def test_a_change_by_another_is_seen_whatever_is_written_meanwhile(
    file: EndpointsFile, tmp_path: Path
) -> None:
    mine = EndpointsFile(tmp_path / "data" / "relay.db-endpoints")
    mine.reached_at("https://relay.example.com")
    mine.read()
    made, _ = file.add("dev", {})
    mine.reached_at("https://relay.example.com")
    assert mine.changed()
    mine.read()
    file.set("dev", {"rate": 7.0})
    mine.forgotten(made.id)
    assert mine.changed()


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "relay.db-endpoints"
    names = [f"e{number}" for number in range(5)]
    threads = [
        threading.Thread(target=EndpointsFile(path).add, args=(name, {}), name=name)
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.name for each in EndpointsFile(path).read().endpoints) == sorted(names)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can write as another"
)
def test_root_leaves_nothing_that_the_relay_cannot_read(tmp_path: Path) -> None:
    folder = tmp_path / "of-the-relay"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(ConfigurationError, match="65534"):
        EndpointsFile(folder / "relay.db-endpoints").add("dev", {})
    assert list(folder.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    """It is not the content that is to be corrected."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"not a directory|file exists") as told:
        EndpointsFile(tmp_path / "file" / "relay.db-endpoints").add("dev", {})
    assert told.value.hint == "see whose it is, or name a place of your own with --db PATH"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"v":2,"endpoints":[]}',
        '{"v":1,"endpoints":[{"name":"x","slug":"hidden-slug"}]}',
        '{"v":1,"colour":"hidden-slug"}',
    ],
)
def test_a_file_that_is_none_of_ours_is_told_by_name_and_repeated_nowhere(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "relay.db-endpoints"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="relay") as caught:
        EndpointsFile(path).add("dev", {})
    assert "hidden-slug" not in caught.value.message
    assert path.read_text() == text
