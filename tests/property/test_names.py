"""Sets with different prefixes share no name: no subject, no stream, no bucket, and none hears another's patterns."""

from __future__ import annotations

import string

from hypothesis import assume, given
from hypothesis import strategies as st

from gapscan.bus.tape import TapeLimits, tape_config
from gapscan.bus.topology import Retention, list_config, shared
from gapscan.protocol import names
from gapscan.protocol.names import DEFAULT, Names

_SIGNS = string.ascii_lowercase + string.digits
PREFIXES = st.builds(str.__add__, st.sampled_from(string.ascii_lowercase), st.text(_SIGNS, max_size=31))
LISTS = st.from_regex(names.LIST_NAME, fullmatch=True)
# Some that begin alike, as those of one company's sets do.
PAIRS = st.one_of(
    st.tuples(PREFIXES, PREFIXES),
    st.builds(lambda one, more: (one[:16], (one[:16] + more)[:32]), PREFIXES, st.text(_SIGNS, min_size=1, max_size=16)),
)


def streams(named: Names, name: str) -> dict[str, list[str]]:
    """All streams of a set with one list, by name, with the subjects that they listen on or republish to."""
    limits, retention = TapeLimits(1.0, 1), Retention()
    tapes = [tape_config(named, limits, simulated=simulated) for simulated in (False, True)]
    configs = [*shared(named, retention), list_config(named, name, retention), *tapes]
    return {
        str(one.name): [*map(str, one.subjects or []), *([str(one.republish.dest)] if one.republish else [])]
        for one in configs
    }


def meets(one: str, other: str) -> bool:
    """Whether a subject can match both patterns."""
    for mine, theirs in zip(one.split("."), other.split("."), strict=False):
        if ">" in (mine, theirs):
            return True
        if mine != theirs and "*" not in (mine, theirs):
            return False
    return one.count(".") == other.count(".")


@given(pair=PAIRS, name=LISTS, other=LISTS)
def test_two_sets_share_nothing(pair: tuple[str, str], name: str, other: str) -> None:
    assume(pair[0] != pair[1])
    mine, theirs = streams(Names(pair[0]), name), streams(Names(pair[1]), other)
    assert not mine.keys() & theirs.keys()
    subjects = [subject for each in theirs.values() for subject in each]
    assert not [(one, two) for each in mine.values() for one in each for two in subjects if meets(one, two)]
    assert not Names(pair[0]).service("feed").startswith(Names(pair[1]).service(""))


@given(prefix=PREFIXES, name=LISTS)
def test_within_a_set_no_stream_hears_what_another_stores_or_republishes(prefix: str, name: str) -> None:
    found = list(streams(Names(prefix), name).items())
    for place, (stream, subjects) in enumerate(found):
        for other, theirs in found[:place]:
            assert not [(stream, other) for one in subjects for two in theirs if meets(one, two)]


@given(prefix=PREFIXES, name=LISTS)
def test_a_set_is_the_default_one_with_another_prefix(prefix: str, name: str) -> None:
    def renamed(text: str) -> str:
        for usual, own in (("gapscan.", f"{prefix}."), ("gapscan-", f"{prefix}-"), ("GAPSCAN_", f"{prefix.upper()}_")):
            start, mark, rest = text.partition(usual)
            if mark and start in ("", "$KV.", "KV_"):
                return f"{start}{own}{rest}"
        return text

    usual = {
        renamed(stream): [renamed(each) for each in subjects] for stream, subjects in streams(DEFAULT, name).items()
    }
    assert streams(Names(prefix), name) == usual
