"""Stores: what is kept, found again, refused and computed again; one process at a time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import ARGUMENTS, BLOCK, BLOCKS, GRID, REPLICATIONS, die, expected, files, swept

import sim
from sim import gathering, grids, store, tasks

KEY = "ab" + 62 * "0"
SHAPES = {"tv": (2, 3), "atoms": (2, 3, 4)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    swept(store=store)
    return store


@pytest.fixture
def kept(finished: Path, tmp_path: Path) -> Path:
    """A store with a finished sweep."""
    return Path(shutil.copytree(finished, tmp_path / "kept"))


def computed(monkeypatch: pytest.MonkeyPatch) -> list[tasks.Block]:
    """Note what is computed from now on."""
    done: list[tasks.Block] = []
    compute = tasks.Block.compute
    monkeypatch.setattr(tasks.Block, "compute", lambda block: (done.append(block), compute(block))[1])
    return done


def test_a_finished_sweep_is_read_not_computed(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(files(kept)) == BLOCKS
    assert not (kept / "unfinished").exists()
    undisturbed = expected()
    done = computed(monkeypatch)
    assert swept(store=kept).identical(undisturbed)
    assert not done
    seen: list[tuple[int, int]] = []
    swept(store=kept, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, BLOCKS) for done in range(BLOCKS + 1)]


@pytest.mark.parametrize("summary", [False, True])
def test_more_points_and_replications_use_what_is_there(
    summary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(store=tmp_path, summary=summary)
    more = {"replications": REPLICATIONS + BLOCK, "grid": {**GRID, "n": [16, 4]}, "summary": summary}
    larger = swept(**more)
    done = computed(monkeypatch)
    assert swept(store=tmp_path, **more).identical(larger)
    # n = 4 is all new: 4 blocks a loop; n = 16 has a fourth block, and a third that a summary had cut short
    assert len(done) == 6 * 4 + 6 * (2 if summary else 1)
    fewer = swept(store=tmp_path, replications=1, summary=summary)
    assert fewer.identical(swept(replications=1, summary=summary))


@pytest.mark.parametrize("change", [{"seed": 8}, {"at": [2]}, {"record": ["tv", "support"]}, {"summary": True}])
def test_other_numbers_have_other_names(change: dict[str, Any], kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = computed(monkeypatch)
    swept(store=kept, **change)
    assert len(done) == BLOCKS


def test_other_code_has_other_names(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = computed(monkeypatch)
    for module in (grids, tasks, gathering):
        monkeypatch.setattr(module, "code_version", lambda: "loopbound 0.0")
    with pytest.warns(sim.StoreWarning, match=r"what loopbound .* computed is not used, this is loopbound 0\.0"):
        swept(store=kept)
    assert len(done) == BLOCKS


def test_the_manifest_says_what_was_swept(kept: Path) -> None:
    swept(store=kept)
    swept(store=kept, seed=9, summary=True)
    first, second = json.loads((kept / "manifest.json").read_text())["sweeps"]
    assert (first["seed"], second["seed"]) == (7, 9)
    assert first["grid"] == GRID
    assert (first["replications"], first["record"], first["at"], first["summary"]) == (
        REPLICATIONS,
        ["tv"],
        [1, 2],
        False,
    )
    assert f"numpy {np.__version__}" in first["versions"]


def truncate(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def flip_a_number(path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def flip_the_checksum(path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)


def another_block(path: Path, other: Path) -> None:
    shutil.copy(other, path)


def another_program(path: Path, other: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").replace(path)


def a_directory(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (truncate, "damaged"),
        (empty, "foreign or damaged"),
        (flip_a_number, "damaged"),
        (flip_the_checksum, "damaged"),
        (another_block, "foreign: it holds another block"),
        (another_program, "foreign or damaged"),
    ],
)
def test_a_spoiled_file_is_named_and_computed_again(spoil: Any, reason: str, kept: Path) -> None:
    path, other = files(kept)[:2]
    whole = path.read_bytes()
    spoil(path, other)
    with pytest.warns(sim.StoreWarning, match=reason) as warned:
        again = swept(store=kept)
    assert [str(path) in str(warning.message) for warning in warned] == [True]
    assert again.identical(expected())
    assert path.read_bytes() == whole
    swept(store=kept)


def test_what_cannot_be_replaced_is_an_error(kept: Path) -> None:
    a_directory(files(kept)[0], kept)
    with (
        pytest.warns(sim.StoreWarning, match="Is a directory"),
        pytest.raises(sim.StoreError, match=f"cannot write to {kept}: Is a directory; finished blocks are kept"),
    ):
        swept(store=kept)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"sha256": "0", "sweeps": []}', b'{"sweeps": 3}'])
def test_a_spoiled_manifest_is_named_and_written_again(content: bytes, kept: Path) -> None:
    whole = (kept / "manifest.json").read_bytes()
    (kept / "manifest.json").write_bytes(content)
    with pytest.warns(sim.StoreWarning, match=r"manifest\.json is not used and written again: "):
        swept(store=kept)
    assert (kept / "manifest.json").read_bytes() == whole


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"tv": np.asfortranarray(rng.random((2, 3))), "atoms": np.moveaxis(rng.random((3, 2, 4)), 0, 1)}
    arrays["tv"][0, 0] = np.nan
    with sim.store.Store(tmp_path) as opened:
        assert opened.get(KEY, SHAPES) is None
        opened.put(KEY, arrays)
        found = opened.get(KEY, SHAPES)
        assert found is not None
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
        with pytest.warns(sim.StoreWarning, match="foreign: its arrays have other shapes"):
            assert opened.get(KEY, {"tv": (3, 2), "atoms": (2, 3, 4)}) is None


def test_no_object_is_ever_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    body = KEY.encode() + b"\n"
    trap = tmp_path / "trap.npy"
    np.save(trap, np.array([Trap()], dtype=object), allow_pickle=True)
    body += trap.read_bytes()
    with sim.store.Store(tmp_path / "store") as opened:
        path = opened._path(KEY)
        path.parent.mkdir()
        path.write_bytes(store._MAGIC + store.hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        with pytest.warns(sim.StoreWarning, match="not used"):
            assert opened.get(KEY, {"tv": (1,)}) is None
    assert not (tmp_path / "sprung").exists()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    code = f"import sys, sim.store; s = sim.store.Store({str(tmp_path)!r}); print('mine', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "mine\n"
    with pytest.raises(sim.StoreError, match="is in use by another process or sweep"):
        swept(store=tmp_path)
    other.kill()
    other.wait()
    other.stdin.close()
    other.stdout.close()
    swept(store=tmp_path)  # a dead process holds nothing


def test_two_sweeps_of_one_process_do_not_share_a_store(tmp_path: Path) -> None:
    with sim.store.Store(tmp_path), pytest.raises(sim.StoreError, match="in use"):
        sim.store.Store(tmp_path)
    with sim.store.Store(tmp_path):
        pass


def test_other_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(sim.StoreError, match="is not a store: allowed: a new or empty directory, or a store"):
        swept(store=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(sim.StoreError, match=r"Not a directory|File exists"):
        swept(store=tmp_path / "thesis.tex")


def full_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the disk run full in the middle of a file, after so many."""
    write, left = Path.write_bytes, [count]

    def write_bytes(path: Path, content: bytes) -> int:
        if left[0] == 0:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_a_full_disk_keeps_what_is_finished(count: int, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        full_after(count, patch)
        with pytest.raises(
            sim.StoreError, match=f"cannot write to {tmp_path}: the disk is full; finished blocks are kept"
        ):
            swept(store=tmp_path)
    assert len(files(tmp_path)) == max(count - 1, 0)  # the first file is the manifest
    assert not (tmp_path / "unfinished").exists()
    seen: list[int] = []
    assert swept(store=tmp_path, progress=lambda done, total: seen.append(done)).identical(expected())
    assert len(files(tmp_path)) == BLOCKS


def test_an_interruption_anywhere_costs_what_is_not_finished(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=tmp_path, progress=interrupt)
    assert len(files(tmp_path)) == 17
    assert swept(store=tmp_path).identical(expected())


def test_keys_are_not_repeated() -> None:
    loops = grids.expand(die, GRID, 2, 7, ["tv"], None).cells
    names = {sim.sweeps._key(tasks.Block(loop, i, count)) for loop in loops for i in range(12) for count in (0, 1, 2)}
    assert len(names) == len(loops) * 36
    assert ARGUMENTS["seed"] == 7
