"""The app at TARGET: what it, or a proxy before it, does to what was signed."""

import asyncio
import shutil
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from inspector.doctor import app
from inspector.doctor.echo import Echo
from tests.doctor.conftest import Doctor
from tests.helpers.doctored import (
    SECRET,
    careless,
    decompressing,
    served,
    verifying,
    verifying_raw,
)
from tests.helpers.proxy import Nginx


async def test_a_target_that_decompresses_is_found_by_its_verdicts(doctor: Doctor) -> None:
    async with served(verifying) as url:
        found = await doctor(app.look, url, secret=[SECRET])
    assert found.failed == ["target.gzip"]
    gzip = found.check("target.gzip")
    assert "decompressed before its signature is verified" in gzip.told
    assert gzip.value == {"decompresses": True}
    assert found.check("target.answer").ok
    assert "refused: 401" in found.check("target.signature").told


async def test_one_that_verifies_what_was_sent_is_well(doctor: Doctor) -> None:
    async with served(verifying_raw, auto_decompress=False) as url:
        found = await doctor(app.look, f"{url}/hooks", secret=[SECRET])
    assert found.failed == []
    assert found.check("target.gzip").told == "200, signed over the compressed bytes"
    assert found.check("target.25 MB").told.startswith("200")
    # Plain, a wrong signature, five of headers, gzip, and the large one.
    assert found.check("target.sent").value["count"] == 9


async def test_one_that_takes_everything_is_told_to_verify(doctor: Doctor) -> None:
    async with served(careless) as url:
        found = await doctor(app.look, url, secret=[SECRET])
    assert found.failed == []
    assert found.check("target.signature").told == "a wrong one is accepted, too"
    assert found.check("target.signature").hint


async def test_without_a_secret_a_refusal_is_no_fault_of_the_app(doctor: Doctor) -> None:
    async with served(verifying) as url:
        found = await doctor(app.look, url)
    assert found.failed == []
    assert found.check("target.answer").ok is None
    assert "INSPECTOR_SECRET" in found.check("target.answer").hint
    assert found.check("target.gzip").ok is None


async def test_a_wrong_secret_is_a_fault_and_the_secret_is_not_told(doctor: Doctor) -> None:
    async with served(verifying) as url:
        found = await doctor(app.look, url, secret=["whsec_of_somebody_else"])
    assert found.failed == ["target.answer"]
    assert "--secret" in found.check("target.answer").hint
    assert "somebody_else" not in repr(found.all)


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "name the path"), (302, "redirect"), (500, "log"), (422, "refuses")]
)
async def test_each_refusal_has_its_advice(doctor: Doctor, status: int, hint: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with served(answer) as url:
        found = await doctor(app.look, url, secret=[SECRET])
    assert found.failed == ["target.answer"]
    assert hint in found.check("target.answer").hint


async def test_a_target_that_is_not_there_is_told_with_what_to_do(doctor: Doctor) -> None:
    async with served(careless) as url:
        pass
    found = await doctor(app.look, url)
    assert found.failed == ["target.answer"]
    assert "nothing listens on" in found.check("target.answer").told
    assert "start the app" in found.check("target.answer").hint


async def test_an_echo_gets_every_request_as_it_was_sent(doctor: Doctor) -> None:
    echo = Echo(lambda arrived: None)
    await echo.start("127.0.0.1", 0)
    try:
        found = await doctor(app.look, f"http://127.0.0.1:{echo.port}", secret=[SECRET])
        fixed = await doctor(app.look, f"http://127.0.0.1:{echo.port}/webhooks?x=1")
    finally:
        echo.stop()
    assert found.failed == fixed.failed == []
    assert len(found.all) > 25
    assert found.case("25 MB").ok


async def test_a_proxy_that_decompresses_is_found_by_the_echo_behind_it(doctor: Doctor) -> None:
    echo = Echo(lambda arrived: None)
    await echo.start("127.0.0.1", 0)
    try:
        async with (
            ClientSession(auto_decompress=False) as session,
            served(decompressing(f"http://127.0.0.1:{echo.port}", session)) as url,
        ):
            found = await doctor(app.look, url, secret=[SECRET])
    finally:
        echo.stop()
    gzip = found.case("gzip")
    assert gzip.breaks_at == "app"
    assert any(line.startswith("the body was decompressed") for line in gzip.stages["app"].differs)
    assert "the header Content-Encoding did not arrive" in gzip.stages["app"].differs
    # What proxies add of themselves is told, and no fault.
    assert found.check("target.proxy").value == ["x-forwarded-for"]
    assert not any("Forwarded" in str(each) for each in found.all)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
async def test_an_ordinary_nginx_before_the_app_is_told_what_it_changes(
    doctor: Doctor, tmp_path: Path
) -> None:
    echo = Echo(lambda arrived: None)
    await echo.start("127.0.0.1", 0)
    recipe = tmp_path / "recipe.conf"
    recipe.write_text(
        "server {\n listen 443 ssl;\n ssl_certificate /etc/ssl/relay/a.pem;\n"
        " ssl_certificate_key /etc/ssl/relay/b.pem;\n"
        " location / { proxy_pass http://app/; proxy_set_header X-Real-IP $remote_addr; }\n}\n"
        "upstream app { server 127.0.0.1:8400; }\n"
    )
    try:
        with Nginx(tmp_path, recipe, echo.port) as nginx:
            found = await doctor(app.look, nginx.url, secret=[SECRET], insecure=True)
    finally:
        echo.stop()
    for name in ("plain", "X-Dup, x-dup", "\\xff", "NUL", "gzip", "chunked", "empty", "GET"):
        assert found.case(name).ok, found.case(name)
    lost = found.case("under_score").stages["app"].differs
    assert "the header under_score did not arrive" in lost
    assert "arrived as '/a/b/~'" in found.case("%2F").stages["app"].differs[0]
    (large,) = found.case("25 MB").stages["app"].differs
    assert "413 by nginx" in large
    assert "client_max_body_size" in large
    assert found.check("target.proxy").value == ["x-real-ip"]


async def test_a_target_that_never_answers_is_given_up(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_ANSWER_SECONDS", 0.2)
    gate = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    async with served(silent) as url:
        found = await doctor(app.look, url)
        gate.set()
    assert "gave no answer within 0.2 s" in found.check("target.answer").told
