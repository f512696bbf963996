#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks JSON Lines against a schema of schemas/json.

    check_schema.py [--whole] SCHEMA < LINES

--whole: every property that the schema's top level names must be there, required or not.
Understands exactly the keywords that those schemas use and refuses any other, so that no rule is
passed over in silence. Exit codes: 0 valid, 1 not, 2 wrong use or an unknown keyword."""

import json
import sys

KEYWORDS = {
    "$schema", "$defs", "$ref", "title", "description", "type", "enum", "properties", "required",
    "additionalProperties", "items", "oneOf",
}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


class SchemaError(Exception):
    pass


def check_schema(schema, where="schema"):
    """Refuses what this program would not check."""
    if isinstance(schema, bool):
        return
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise SchemaError(f"{where}: unknown keywords {sorted(unknown)}")
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        if name not in TYPES:
            raise SchemaError(f"{where}: unknown type '{name}'")
    missing = set(schema.get("required", [])) - set(schema.get("properties", {}))
    if missing:
        raise SchemaError(f"{where}: required but not described: {sorted(missing)}")
    for keyword in ("properties", "$defs"):
        for name, part in schema.get(keyword, {}).items():
            check_schema(part, f"{where}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            check_schema(schema[keyword], f"{where}.{keyword}")
    for i, part in enumerate(schema.get("oneOf", [])):
        check_schema(part, f"{where}.oneOf[{i}]")


def resolve(root, reference):
    if not reference.startswith("#/"):
        raise SchemaError(f"reference '{reference}' leaves its file")
    part = root
    for name in reference[2:].split("/"):
        part = part[name]
    return part


def problems(root, schema, value, where):
    """Yields a sentence for every offence."""
    if "$ref" in schema:
        yield from problems(root, resolve(root, schema["$ref"]), value, where)
    types = schema.get("type")
    if types is not None:
        names = [types] if isinstance(types, str) else types
        if not any(TYPES[name](value) for name in names):
            yield f"{where}: {json.dumps(value)} is not {' or '.join(names)}"
            return
    if "enum" in schema and not any(
        value == choice and type(value) is type(choice) for choice in schema["enum"]
    ):
        yield f"{where}: {json.dumps(value)} is none of {json.dumps(schema['enum'])}"
    if isinstance(value, dict):
        yield from object_problems(root, schema, value, where)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from problems(root, schema["items"], item, f"{where}[{i}]")
    if "oneOf" in schema:
        found = [list(problems(root, part, value, where)) for part in schema["oneOf"]]
        if sum(not offences for offences in found) != 1:
            yield f"{where}: is not exactly one of the {len(found)} forms"
            for offences in found:
                yield from (f"  {text}" for text in offences)


def object_problems(root, schema, value, where):
    described = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: '{name}' is missing"
    for name, item in value.items():
        if name in described:
            yield from problems(root, described[name], item, f"{where}.{name}")
        elif rest is False:
            yield f"{where}: '{name}' is not in the schema"
        elif isinstance(rest, dict):
            yield from problems(root, rest, item, f"{where}.{name}")


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a key comes twice in {names}")
    return dict(pairs)


def no_constant(text):
    raise ValueError(f"{text} is not JSON")


def check_lines(schema, lines, whole):
    count = bad = 0
    for number, line in enumerate(lines, 1):
        count += 1
        try:
            value = json.loads(line, object_pairs_hook=no_duplicates, parse_constant=no_constant)
        except ValueError as error:
            print(f"line {number}: {error}")
            bad += 1
            continue
        offences = list(problems(schema, schema, value, f"line {number}"))
        if whole and isinstance(value, dict):
            optional = [n for n in schema.get("properties", {}) if n not in schema.get("required", [])]
            gone = [name for name in optional if name not in value]
            offences += [f"line {number}: '{name}' is missing" for name in gone]
        for text in offences:
            print(text)
        bad += bool(offences)
    if count == 0:
        print("there is no line to check")
    return count > 0 and bad == 0


def main(arguments):
    whole = "--whole" in arguments
    paths = [a for a in arguments if a != "--whole"]
    if len(paths) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(paths[0], encoding="utf-8") as file:
            schema = json.load(file, object_pairs_hook=no_duplicates)
        check_schema(schema)
        return 0 if check_lines(schema, sys.stdin, whole) else 1
    except (OSError, ValueError, KeyError, SchemaError) as error:
        print(f"check_schema: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
