"""The hash of a configuration ignores where and how fast it runs, and nothing else."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vggsweep.configuration.identity import (
    configuration_hash,
    configuration_hashes,
    has_effect,
    replicate_hash,
)

Plain = Callable[..., dict[str, Any]]
IGNORED = (
    *("device", "measure", "sweep", "logger", "dataset.root", "train.threshold_acc", "train.cuda_graph"),
    *("train.nproc", "train.checkpoint", "train.keep_checkpoint", "train.keep_weights"),
)


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def changed(plain: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    other = copy.deepcopy(plain)
    node = other
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = "something else"
    return other


def is_ignored(path: tuple[str, ...]) -> bool:
    dotted = ".".join(path)
    return any(dotted == name or dotted.startswith(f"{name}.") for name in IGNORED)


@pytest.mark.parametrize("line", [(), ("experiment=d2l_vgg", "optimizer=adamw", "space=depth_width")])
def test_each_field_counts_unless_it_is_one_of_the_ignored(plain: Plain, line: tuple[str, ...]) -> None:
    values = plain(*line)
    own = configuration_hash(values)
    paths = list(leaves(values))

    assert {path[0] for path in paths} == set(values)
    for path in paths:
        is_same = configuration_hash(changed(values, path)) == own
        assert is_same == is_ignored(path), ".".join(path)


def test_ignored_nodes_may_be_missing(plain: Plain) -> None:
    values = plain()
    fewer = {key: value for key, value in values.items() if key not in IGNORED}
    fewer["dataset"] = {key: value for key, value in values["dataset"].items() if key != "root"}

    assert configuration_hash(fewer) == configuration_hash(values)


def test_order_of_keys_and_of_words_does_not_count(plain: Plain) -> None:
    one, other = plain("seed=3", "arch.depth=9"), plain("arch.depth=9", "seed=3")
    backwards = dict(reversed(list(one.items())))

    assert configuration_hash(one) == configuration_hash(other) == configuration_hash(backwards)


def test_hashing_leaves_the_values_alone(plain: Plain) -> None:
    values = plain("dataset.root=/pictures")
    before = copy.deepcopy(values)

    configuration_hash(values)

    assert values == before


def test_another_process_finds_the_same_hash(plain: Plain) -> None:
    program = (
        "from vggsweep.configuration.compose import compose\n"
        "from vggsweep.configuration.identity import configuration_hash\n"
        "from vggsweep.configuration.schema import resolved\n"
        "print(configuration_hash(resolved(compose(['arch=vgg16']))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == configuration_hash(plain("arch=vgg16"))
    assert len(found.stdout.strip()) == 64


def test_a_number_counts_the_same_however_it_was_typed(plain: Plain) -> None:
    assert configuration_hash(plain("arch.width=16")) == configuration_hash(plain("arch.width=16.0"))
    assert configuration_hash(plain("arch.width=16")) != configuration_hash(plain("arch.width=16.5"))


def test_keeping_files_is_no_other_configuration_and_its_earlier_hash_still_names_it(plain: Plain) -> None:
    assert configuration_hash(plain("train.keep_weights=true")) == configuration_hash(plain())
    assert configuration_hashes(plain()) == (configuration_hash(plain()),)

    text = '{"seed":0,"train":{"checkpoint":true,"epochs":3,"keep_checkpoint":false,"keep_weights":true}}'
    earlier = hashlib.sha256(text.encode()).hexdigest()  # as releases hashed it that counted all fields
    assert configuration_hashes(json.loads(text)) == (configuration_hash(json.loads(text)), earlier)
    assert configuration_hash(json.loads(text)) != earlier


@pytest.mark.parametrize("path", [("seed",), ("space", "params"), ("objective", "name"), ("pruner", "name")])
def test_replicates_differ_in_their_seed_and_in_how_they_were_found(
    plain: Plain, path: tuple[str, ...]
) -> None:
    values = plain()

    assert replicate_hash(changed(values, path)) == replicate_hash(values)
    assert replicate_hash(changed(values, ("train", "epochs"))) != replicate_hash(values)


def test_record_from_before_there_were_budgets_keeps_its_hash(plain: Plain) -> None:
    values = plain()
    earlier = {key: value for key, value in values.items() if key != "budget"}

    assert configuration_hash(earlier) == configuration_hash(values)


def test_record_from_before_there_were_other_losses_keeps_its_hash(plain: Plain) -> None:
    values = plain()
    earlier = {key: value for key, value in values.items() if key != "loss"}

    assert configuration_hash(earlier) == configuration_hash(values)
    assert configuration_hash(values) == (
        "dc03e580be8e7f1027108191377fff8a28024638adf017a3204c21a3aff8ad94"  # of the default, in release 0.1
    )


def test_record_from_before_classes_had_weights_keeps_its_hash(plain: Plain) -> None:
    values = plain()

    assert values["loss"] == {"name": "cross_entropy", "class_weights": "none"}
    assert configuration_hash({**values, "loss": {"name": "cross_entropy"}}) == configuration_hash(values)
    assert configuration_hash(plain("loss.class_weights=balanced")) != configuration_hash(values)


def test_record_from_before_images_were_mixed_keeps_its_hash(plain: Plain) -> None:
    values = plain("augment=crop_flip")
    six = {"name", "flip", "crop_padding", "erase_probability", "erase_min_area", "erase_max_area"}
    earlier = {**values, "augment": {key: values["augment"][key] for key in six}}

    assert len(values["augment"]) > len(six)
    assert configuration_hash(earlier) == configuration_hash(values)
    assert configuration_hash(plain("augment=crop_flip", "augment.mixup=0.2")) != configuration_hash(values)


def test_record_from_before_there_were_shortcuts_keeps_its_hash(plain: Plain) -> None:
    values = plain()
    earlier = {
        **values,
        "arch": {key: value for key, value in values["arch"].items() if key != "residual"},
    }

    assert configuration_hash(earlier) == configuration_hash(values)
    assert configuration_hash(plain("arch.residual=true")) != configuration_hash(values)


@pytest.mark.parametrize("group", ["optimizer", "loss", "scheduler", "dataset"])
def test_name_and_options_of_an_own_part_count(plain: Plain, group: str) -> None:
    line = (f"{group}=custom", f"{group}.target=mine.first")
    words = [line, (line[0], f"{group}.target=mine.second"), (*line, f"+{group}.options.x=1"), ()]

    assert len({configuration_hash(plain(*one)) for one in words}) == 4


@pytest.mark.parametrize("field", [field for field in IGNORED if "." in field])
def test_field_that_the_hash_leaves_out_has_no_effect(field: str) -> None:
    assert not has_effect(field)


def test_where_a_file_lies_and_whether_it_is_downloaded_decide_nothing(plain: Plain) -> None:
    """What it holds is in the fingerprint of the data."""
    of_file, moved = (plain("dataset=arrays", f"dataset.path={path}") for path in ("a.npz", "b/c.npz"))
    assert configuration_hash(of_file) == configuration_hash(moved)
    words = ("dataset=torchvision", "dataset.name=EuroSAT")
    assert configuration_hash(plain(*words)) == configuration_hash(plain(*words, "dataset.download=false"))
    assert configuration_hash(plain(*words)) != configuration_hash(plain(words[0], "dataset.name=DTD"))
    with_option = plain(*words[:1], "dataset.name=EMNIST", "+dataset.options.split=letters")
    assert configuration_hash(with_option) != configuration_hash(plain(*words[:1], "dataset.name=EMNIST"))
