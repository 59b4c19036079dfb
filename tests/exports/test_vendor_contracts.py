"""Requests to Brevo and Klaviyo against the vendors' own descriptions of their APIs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from vendor_worlds import WORLDS

from exports.engine.destination import Operation

SPECS = Path(__file__).resolve().parents[2] / ".." / "shared" / "specs"
FILES = {
    "brevo": ["brevo/contacts.trimmed.json"],
    "klaviyo": ["klaviyo/profiles.json", "klaviyo/lists.json", "klaviyo/data_privacy.json"],
}
# Endpoints whose description is not among the files.
ELSEWHERE = {"brevo": {"/account"}, "klaviyo": set()}


def descriptions(vendor: str) -> list[dict[str, Any]]:
    paths = [SPECS / name for name in FILES[vendor]]
    if not all(path.exists() for path in paths):
        pytest.skip("the vendors' descriptions (../shared/specs) are not here")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def problems(specs: list[dict[str, Any]], request: Any) -> list[str]:
    """What a request has that its description does not allow."""
    for spec in specs:
        for template, operations in spec["paths"].items():
            pattern = re.sub(
                r"\{[^}]+\}", "[^/]+", re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
            )
            operation = operations.get(request.method.lower())
            fixed = template == request.path or not any(p == request.path for p in spec["paths"])
            if operation and fixed and re.fullmatch(pattern, request.path):
                return [*query_problems(operation, request), *body_problems(spec, operation, request)]
    return [f"{request.method} {request.path}: not described"]


def query_problems(operation: dict[str, Any], request: Any) -> list[str]:
    known = {p["name"]: p for p in operation.get("parameters", []) if p.get("in") == "query"}
    found = [f"unknown parameter {name}" for name in request.query if name not in known]
    for name, value in request.query.items():
        schema = known.get(name, {}).get("schema", known.get(name, {}))
        if schema.get("type") == "integer" and not schema.get("minimum", 0) <= int(value) <= schema.get(
            "maximum", 1e9
        ):
            found.append(f"{name}={value} is out of range")
        allowed = schema.get("enum") or schema.get("items", {}).get("enum")
        if allowed and value not in allowed:
            found.append(f"{name}={value} is not one of the allowed values")
        if name == "filter":
            found += filter_problems(known[name].get("description", ""), value)
    return found


def filter_problems(description: str, text: str) -> list[str]:
    """Klaviyo tells the fields and operators of a filter in prose."""
    allowed = dict(re.findall(r"`([\w.]+)`: ((?:`[\w-]+`(?:, )?)+)", description))
    operator, field = re.match(r"([\w-]+)\(([\w.]+),", text).groups()
    return [] if f"`{operator}`" in allowed.get(field, "") else [f"filter {operator}({field}) is not allowed"]


def body_problems(spec: dict[str, Any], operation: dict[str, Any], request: Any) -> list[str]:
    inline = [p["schema"] for p in operation.get("parameters", []) if p.get("in") == "body"]
    content = operation.get("requestBody", {}).get("content", {})
    schemas = inline or [media["schema"] for media in content.values()]
    if not schemas:
        return ["a body where none is described"] if request.content else []
    closed = strict(
        {**schemas[0], "definitions": spec.get("definitions", {}), "components": spec.get("components", {})}
    )
    validator = Draft4Validator(closed, format_checker=FormatChecker())
    return [f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(request.json)]


def strict(schema: Any) -> Any:
    """The schema with no other properties than it names, and with `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(inner) for name, inner in schema.items() if name not in ("example", "examples")}
    if isinstance(made.get("properties"), dict) and made["properties"] and "additionalProperties" not in made:
        made["additionalProperties"] = False
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


@pytest.mark.parametrize("vendor", sorted(FILES))
def test_every_request_is_as_the_vendor_describes_it(vendor):
    specs = descriptions(vendor)
    with WORLDS[vendor]() as world:
        world.destination.check(world.fields)
        world.prepared().send(world.rows(3))
        world.send([world.row(1, email="new@example.org", previous_identity="person1@example.org")])
        world.send(
            [world.row(4, email=world.invalid_email), world.row(1, fields={next(iter(world.extra)): None})]
        )
        for operation in sorted(world.destination.capabilities.operations - {Operation.UPSERT}):
            world.send([world.row(2, into=world.row(3)), world.row(9, into=world.row(3))], operation)
        world.fake.opt_out("person3@example.org")
        world.pull(world.pull()[1])
        world.destination.open_jobs()
        asked = [request for request in world.fake.log if request.path not in ELSEWHERE[vendor]]
    wrong = {(r.method, r.path, problem) for r in asked for problem in problems(specs, r)}
    assert len(asked) > 20
    assert wrong == set()


def test_the_comparison_finds_what_is_wrong():
    """A described request with one thing wrong each."""
    from fakes.fake_vendor import Request

    specs = descriptions("brevo")

    def told(method, path, query=None, body=None):
        content = json.dumps(body).encode() if body is not None else b""
        return problems(specs, Request(method, path, query or {}, {}, content))

    good = {"jsonBody": [{"email": "a@example.org", "attributes": {}}], "listIds": [3]}
    assert told("POST", "/contacts/import", body=good) == []
    assert told("POST", "/contacts/import", body={**good, "listIds": ["three"]})
    assert told("POST", "/contacts/import", body={**good, "nonsense": 1})
    assert told("POST", "/contacts/import", body={**good, "jsonBody": [{"mail": "a@example.org"}]})
    assert told("GET", "/contacts", {"limit": "2000"})
    assert told("GET", "/contacts", {"nonsense": "1"})
    assert told("GET", "/nonsense")
