"""AWS CLI commands as requests: what the CLI would send, checked against the model that both share."""

import json
import subprocess
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

Request = tuple[str, str, dict[str, Any]]
"""Service, operation, members."""

_GLOBAL = {"--region"}
_loader = botocore.session.get_session()


def requests_of(script: str) -> list[Request]:
    """The requests of a script, as a shell reads it, with `aws` and `sleep` replaced by nothing that acts.

    Every member is one of its operation, and has the right type, or this fails.
    """
    stand_in = 'sleep() { :; }; aws() { printf "%s\\0" "$@" END; }\n'
    done = subprocess.run(["sh", "-euc", stand_in + script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    commands: list[list[str]] = [[]]
    for word in done.stdout.split("\0")[:-1]:
        if word == "END":
            commands.append([])
        else:
            commands[-1].append(word)
    return [_request(words) for words in commands[:-1]]


def _request(words: list[str]) -> Request:
    service, command, *rest = words
    model = _loader.get_service_model(service)
    operation = {xform_name(name, "-"): name for name in model.operation_names}[command]
    shape: Any = model.operation_model(operation).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    given = dict(zip(rest[::2], rest[1::2], strict=True))
    request: dict[str, Any] = {}
    for option, text in given.items():
        if option not in _GLOBAL:
            name = members[option.removeprefix("--")]
            structured = shape.members[name].type_name == "structure"
            request[name] = json.loads(text) if structured else text
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    return service, operation, request
