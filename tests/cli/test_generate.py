"""`openvoucher generate` against a service that has none of OpenVoucher's extras."""

import argparse
import json
from typing import Any

import pytest

from dropping_proxy import Drop, DroppingProxy
from openvoucher.cli import main
from openvoucher.cli.generate import add_options, make_work
from original_service import OriginalService

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "path", "query", "body"),
    [
        (["5", "--campaign", "Spring"], "/v1/campaigns/Spring/vouchers", {"vouchers_count": 5}, {}),
        (
            ["1", "--campaign", "50 % / ä"],
            "/v1/campaigns/50%20%25%20%2F%20%C3%A4/vouchers",
            {"vouchers_count": 1},
            {},
        ),
        (
            ["2", "--campaign", "C", "--pattern", "A-##", "--charset", "01"],
            "/v1/campaigns/C/vouchers",
            {"vouchers_count": 2},
            {"code_config": {"pattern": "A-##", "charset": "01"}},
        ),
        (
            ["2", "--campaign", "C", "--prefix", "", "--postfix=-Z", "--length", "9"],
            "/v1/campaigns/C/vouchers",
            {"vouchers_count": 2},
            {"code_config": {"prefix": "", "postfix": "-Z", "length": 9}},
        ),
    ],
)
def test_only_what_is_given_is_asked_for(
    words: list[str], path: str, query: dict[str, Any], body: dict[str, Any]
) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    work = make_work(parser.parse_args(words))
    assert (work.path, work.query, json.loads(b"".join(work.body.pieces()))) == (path, query, body)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["5"], "the following arguments are required: --campaign"),
        (["0", "--campaign", "C"], "0 is not between 1 and 1000000000"),
        (["many", "--campaign", "C"], "'many' is not a whole number"),
        (["5", "--campaign", "C", "--length", "0"], "0 is not between 1 and 500"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], said: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["generate", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_many_codes_are_watched_and_one_is_printed(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    assert main(["generate", "3", "--campaign", "C"]) == 0
    assert capsys.readouterr().out == "Generated 3 vouchers. (aa_000000000000000001)\n"
    assert main(["generate", "1", "--campaign", "C"]) == 0
    assert capsys.readouterr().out == "MADE-3\n"
    assert main(["generate", "1", "--campaign", "C", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "MADE-4"
    assert main(["generate", "2", "--campaign", "C", "--no-wait"]) == 0
    assert capsys.readouterr().out == "aa_000000000000000002\n"
    assert len(service.posts) == 4


def test_a_generation_whose_answer_was_lost_is_found_and_not_asked_for_again(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["generate", "3", "--campaign", "C"]) == 0
    assert (len(service.posts), len(service.codes)) == (1, 3)
    captured = capsys.readouterr()
    assert captured.out == "Generated 3 vouchers. (aa_000000000000000001)\n"
    assert "Looking whether the generation was taken" in captured.err


def test_of_a_single_code_whose_answer_was_lost_nothing_is_claimed(
    proxy: DroppingProxy, service: OriginalService, capsys: Captured
) -> None:
    proxy.drops = [Drop("^POST", "answer")]
    assert main(["generate", "1", "--campaign", "C"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("Whether it was done is not known: look before you repeat.\n")
    assert len(service.posts) == 1
