"""From pydantic's errors to problems: where in the file, what, and what to do."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from builder.problems import Problem
from builder.spec.document import Document, Keys, Odd, bad_character, printable

Model = TypeVar("Model", bound=BaseModel)

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "literal_error": "one of the known words",
}
_EXAMPLE = {
    "a list": "write it as `[one, two]`",
    "a whole number": "write a number",
    "true or false": "write true or false",
    "keys and values": "write `key: value` lines below it",
}


def read_model(
    document: Document, model: type[Model], *, ignore: Iterable[str] = ()
) -> tuple[Model, list[Problem]]:
    """The model of a document, with a problem for each fault.

    The model is always given, so that what else is wrong can be found in the same run: without the values at
    fault, or an empty one where nothing is left. ignore: top keys whose content is nobody's business.
    """
    problems = control_problems(document, frozenset(ignore))
    spoiled = {problem.path for problem in problems}
    try:
        return model.model_validate(document.data), problems
    except ValidationError as error:
        faults = error.errors(include_url=False)
    told = {(problem.path, problem.line, problem.column) for problem in document.problems}
    found = [_problem(document, model, fault) for fault in faults]
    problems += [
        one for one in found if one.path not in spoiled and (one.path, one.line, one.column) not in told
    ]
    return _salvage(document, model, [_keys(document.data, fault["loc"]) for fault in faults]), problems


def control_problems(document: Document, ignore: frozenset[str]) -> list[Problem]:
    """A problem for each key and value that holds a control character."""
    found = []
    for keys, place in document.places.items():
        if not keys or keys[0] in ignore:
            continue
        key = keys[-1]
        if isinstance(key, str) and (char := bad_character(key)):
            found.append(document.problem(keys, f"the key holds {_named(char)}", "remove it", key=True))
        elif place.text and (char := bad_character(place.text)):
            fix = "write it in one line (`>-` folds lines)" if char == "\n" else "remove it"
            found.append(document.problem(keys, f"holds {_named(char)}", fix))
    return found


def _named(char: str) -> str:
    return "a line break" if char == "\n" else f"the control character U+{ord(char):04X}"


def _salvage(document: Document, model: type[Model], bad: Sequence[Keys]) -> Model:
    """The model without what is at fault, then without the top keys around it, then with nothing in it.

    A list goes as a whole: what stays must stand where the document says it stands.
    """
    for cut in (_before_list, _top):
        data = copy.deepcopy(document.data)
        for keys in bad:
            _remove(data, cut(keys))
        try:
            return model.model_validate(data)
        except ValidationError:
            continue
    return model.model_validate({})


def _before_list(keys: Keys) -> Keys:
    return keys[: next((at for at, key in enumerate(keys) if isinstance(key, int)), None)]


def _top(keys: Keys) -> Keys:
    return keys[:1]


def _remove(data: Any, keys: Keys) -> None:
    for key in keys[:-1]:
        data = data.get(key) if isinstance(data, dict) else None
    if keys and isinstance(data, dict):
        data.pop(keys[-1], None)


def _keys(data: Any, loc: Sequence[str | int]) -> Keys:
    """pydantic's location without what is not in the file: union tags, `[key]`."""
    return tuple(
        part for part in loc if not (isinstance(part, str) and part in {"(word)", "(mapping)", "[key]"})
    )


def _problem(document: Document, model: type[BaseModel], fault: Any) -> Problem:
    keys = _keys(document.data, fault["loc"])
    kind, context = fault["type"], fault.get("ctx", {})
    on_key = fault["loc"][-1:] == ("[key]",) or kind == "extra_forbidden"
    if kind == "imgbuild":
        return document.problem(keys, context["what"], context["fix"], key=on_key)
    if kind == "extra_forbidden":
        return document.problem(
            keys, "unknown key", near_or_all(str(keys[-1]), _known(model, keys[:-1])), key=True
        )
    if kind == "missing":
        return document.problem(keys, "is missing", f"add `{keys[-1]}:`")
    if kind in _WANTED:
        what, fix = _wrong_type(fault["input"], _WANTED[kind], context, document.places.get(keys))
        return document.problem(keys, what, fix)
    return document.problem(keys, *_limit(kind, context, str(fault["msg"])), key=on_key)


def _limit(kind: str, context: Any, message: str) -> tuple[str, str]:
    if kind == "greater_than_equal":
        return "is too small", f"write {context['ge']} or more"
    if kind == "less_than_equal":
        return "is too large", f"write {context['le']} or less"
    if kind == "string_too_long":
        return "is too long", f"use at most {context['max_length']} characters"
    if kind == "too_short":
        return "is an empty list", "name at least one, or remove the key"
    return printable(message[:1].lower() + message[1:]), "mend it"


def _wrong_type(value: Any, wanted: str, context: Any, place: Any) -> tuple[str, str]:
    text = printable(place.text) if place is not None and place.text is not None else ""
    if wanted == "one of the known words" and isinstance(value, str):
        words = [word.strip(" '") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"`{text}` is not known here", near_or_all(value, [word for word in words if word])
    if value is None:
        return "is empty", f"give it {wanted}, or remove the key"
    if isinstance(value, Odd | int) and wanted in {"text", "one of the known words"}:
        kind = value.kind if isinstance(value, Odd) else "boolean" if isinstance(value, bool) else "number"
        return f"`{text}` is read as a {kind}", f'put it in quotes: "{text}"'
    if isinstance(value, Odd) and value.kind == "boolean" and wanted == "true or false":
        return f"`{text}` is a boolean only to some YAML readers", "write true or false"
    found = _found(value)
    example = (
        f"write it as `[{text}]`"
        if wanted == "a list" and text
        else _EXAMPLE.get(wanted, "write a plain word")
    )
    return f"is {found}, not {wanted}", example


def _found(value: Any) -> str:
    if isinstance(value, Odd):
        return f"a {value.kind}"
    names: dict[type, str] = {bool: "true or false", int: "a number", str: "text", list: "a list"}
    return names.get(type(value), "keys and values")


def near_or_all(word: str, known: Iterable[str]) -> str:
    """`did you mean ...?`, or what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(f"`{name}`" for name in near) + "?"
    return f"known here: {', '.join(names)}" if names else "nothing is known here"


def _known(model: type[BaseModel], keys: Keys) -> list[str]:
    """The keys that the model at a key path knows."""
    here: Any = model
    for key in keys:
        here = _step(here, key)
    found = _models(here)
    return [info.alias or name for each in found for name, info in each.model_fields.items()]


def _step(here: Any, key: str | int) -> Any:
    for model in _models(here):
        for name, info in model.model_fields.items():
            if key in {name, info.alias}:
                return info.annotation
            if name == "root":
                return info.annotation
    return here


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation: `list[A | B]` holds A and B."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
