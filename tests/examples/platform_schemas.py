"""JSON Schemas of the parts of the platforms' formats that examples/platforms uses, and directives of systemd.

Written from the platforms' documentation (Render's Blueprint reference, the Compose specification, Fly's reference of fly.toml and
the structures of its command line tool, systemd.unit(5), systemd.service(5), systemd.exec(5)). A field that is not here is a mistake
until somebody has looked it up.
"""

from __future__ import annotations

from typing import Any

__all__ = ["COMPOSE", "DIRECTIVES", "FLY", "RENDER"]

_TEXT = {"type": "string", "minLength": 1}
_VARIABLE = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    """Return the schema of an object without further properties.

    :param required: names, separated by spaces.
    """
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
    }


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _map(values: Any, names: str = "^[a-zA-Z0-9._-]+$") -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "patternProperties": {names: values}}


# -- Render ------------------------------------------------------------------------------------------------------------

_REGION = {"enum": ["frankfurt", "oregon", "ohio", "singapore", "virginia"]}
_FROM_SERVICE = {
    **_object(
        "type name",
        type={"enum": ["web", "pserv", "worker", "keyvalue"]},
        name=_TEXT,
        property={"enum": ["host", "port", "hostport", "connectionString"]},
        envVarKey=_VARIABLE,
    ),
    "oneOf": [{"required": ["property"]}, {"required": ["envVarKey"]}],
}
_RENDER_VARIABLE = {
    "oneOf": [
        _object("key value", key=_VARIABLE, value={"type": ["string", "number"]}),
        _object("key sync", key=_VARIABLE, sync={"const": False}),
        _object("key fromService", key=_VARIABLE, fromService=_FROM_SERVICE),
        _object("fromGroup", fromGroup=_TEXT),
    ]
}
_GROUP_VARIABLE = {
    "oneOf": [
        _object("key value", key=_VARIABLE, value={"type": ["string", "number"]}),
        _object("key generateValue", key=_VARIABLE, generateValue={"type": "boolean"}),
    ]
}
_RENDER_COMMON: dict[str, Any] = {
    "name": {"type": "string", "pattern": "^[a-z0-9-]+$"},
    "runtime": {"enum": ["python", "docker", "image"]},
    "region": _REGION,
    # A service of the plan "free" sleeps.
    "plan": {"enum": ["starter", "standard", "pro"]},
    "buildCommand": _TEXT,
    "startCommand": _TEXT,
    "numInstances": {"type": "integer", "minimum": 1},
    "maxShutdownDelaySeconds": {"type": "integer", "minimum": 1, "maximum": 300},
    "envVars": _list(_RENDER_VARIABLE),
}
_NEEDED = "type name runtime region plan buildCommand startCommand maxShutdownDelaySeconds envVars"

RENDER = _object(
    "services envVarGroups",
    services=_list(
        {
            "oneOf": [
                _object(
                    "type name region plan maxmemoryPolicy ipAllowList",
                    type={"const": "keyvalue"},
                    name=_RENDER_COMMON["name"],
                    region=_REGION,
                    plan={"enum": ["starter", "standard", "pro"]},
                    maxmemoryPolicy={
                        "enum": [
                            *("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random"),
                            *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
                        ]
                    },
                    ipAllowList=_list(_object("source", source=_TEXT, description=_TEXT)),
                ),
                _object(
                    f"{_NEEDED} healthCheckPath",
                    type={"const": "web"},
                    healthCheckPath={"type": "string", "pattern": "^/"},
                    preDeployCommand=_TEXT,
                    **_RENDER_COMMON,
                ),
                _object(_NEEDED, type={"const": "worker"}, **_RENDER_COMMON),
            ]
        }
    ),
    envVarGroups=_list(_object("name envVars", name=_TEXT, envVars=_list(_GROUP_VARIABLE))),
)


# -- Fly.io ------------------------------------------------------------------------------------------------------------

_DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m)$"}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_GROUPS = _list(_TEXT)
_HTTP_CHECK: dict[str, Any] = {
    "method": {"enum": ["GET", "get", "HEAD", "head"]},
    "path": {"type": "string", "pattern": "^/"},
    "interval": _DURATION,
    "timeout": _DURATION,
    "grace_period": _DURATION,
}

FLY = _object(
    "app primary_region kill_signal kill_timeout build deploy env processes http_service",
    app={"type": "string", "pattern": "^[a-z0-9-]+$"},
    primary_region={"type": "string", "pattern": "^[a-z]{3}$"},
    kill_signal={"enum": ["SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP"]},
    kill_timeout={"type": "integer", "minimum": 1, "maximum": 300},
    build=_object("dockerfile", dockerfile=_TEXT),
    deploy=_object(
        "release_command",
        release_command=_TEXT,
        release_command_timeout=_DURATION,
        strategy={"enum": ["canary", "rolling", "immediate", "bluegreen"]},
    ),
    env=_map({"type": "string"}, _VARIABLE["pattern"]),
    processes=_map(_TEXT),
    http_service=_object(
        "internal_port processes checks",
        processes=_GROUPS,
        internal_port=_PORT,
        force_https={"type": "boolean"},
        auto_stop_machines={"enum": ["off", "stop", "suspend"]},
        auto_start_machines={"type": "boolean"},
        min_machines_running={"type": "integer", "minimum": 0},
        concurrency=_object(
            "type",
            type={"enum": ["connections", "requests"]},
            soft_limit={"type": "integer", "minimum": 1},
            hard_limit={"type": "integer", "minimum": 1},
        ),
        checks=_list(_object("path interval timeout", **_HTTP_CHECK)),
    ),
    checks=_map(
        _object("type port path", type={"enum": ["http", "tcp"]}, port=_PORT, processes=_GROUPS, **_HTTP_CHECK)
    ),
    metrics=_list(_object("port path", port=_PORT, path=_HTTP_CHECK["path"], processes=_GROUPS)),
    restart=_list(
        _object(
            "policy",
            policy={"enum": ["always", "never", "on-failure"]},
            retries={"type": "integer"},
            processes=_GROUPS,
        )
    ),
    vm=_list(_object("size", size=_TEXT, memory={"type": "string", "pattern": "^[0-9]+(mb|gb)$"}, processes=_GROUPS)),
)


# -- Compose -----------------------------------------------------------------------------------------------------------

_SECONDS = {"type": "string", "pattern": "^[0-9]+s$"}
_COMMAND = {"oneOf": [_TEXT, _list({"type": "string"})]}

COMPOSE = {
    **_object(
        "name services volumes",
        name={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        services=_map(
            _object(
                "image command restart stop_grace_period",
                image=_TEXT,
                pull_policy={"enum": ["always", "never", "missing", "build"]},
                build=_object("context dockerfile", context=_TEXT, dockerfile=_TEXT),
                command=_COMMAND,
                environment=_map({"type": "string"}, _VARIABLE["pattern"]),
                env_file=_TEXT,
                restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
                stop_grace_period=_SECONDS,
                stop_signal=_TEXT,
                init={"type": "boolean"},
                read_only={"type": "boolean"},
                tmpfs=_TEXT,
                cap_drop=_list(_TEXT),
                security_opt=_list(_TEXT),
                ports=_list({"type": "string", "pattern": r"^127\.0\.0\.1:[0-9]+:[0-9]+$"}),
                volumes=_list({"type": "string", "pattern": "^[a-z]+:/[a-z/]+$"}),
                profiles=_list(_TEXT),
                depends_on=_map(
                    _object(
                        "condition",
                        condition={"enum": ["service_started", "service_healthy", "service_completed_successfully"]},
                    )
                ),
                healthcheck={
                    "oneOf": [
                        _object("disable", disable={"const": True}),
                        _object(
                            "test interval timeout retries",
                            test=_list(_TEXT),
                            interval=_SECONDS,
                            timeout=_SECONDS,
                            retries={"type": "integer"},
                        ),
                    ]
                },
            )
        ),
        volumes=_map({"type": ["null", "object"]}),
    ),
    "patternProperties": {"^x-": {}},
}


# -- systemd -----------------------------------------------------------------------------------------------------------

_YES = "yes|no"

DIRECTIVES: dict[str, dict[str, str]] = {
    "Unit": {
        "Description": r".+",
        "Wants": r"[\w@. -]+",
        "After": r"[\w@. -]+",
        "PartOf": r"webhook-kit\.target",
        "StartLimitIntervalSec": r"\d+",
    },
    "Service": {
        "Type": "exec|oneshot",
        "ExecStart": r"[^/].+",
        "Environment": r"[A-Z_]+=\S+",
        "EnvironmentFile": r"/\S+",
        "User": r"[a-z-]+",
        "StateDirectory": r"[a-z-]+",
        "WorkingDirectory": r"/\S+",
        "Restart": "always",
        "RestartSec": r"\d+",
        "KillMode": "control-group|mixed|process|none",
        "KillSignal": "SIG[A-Z]+",
        "TimeoutStopSec": r"\d+",
        "UMask": "0[0-7]{3}",
        "CapabilityBoundingSet": "",
        "NoNewPrivileges": _YES,
        "LockPersonality": _YES,
        "PrivateDevices": _YES,
        "PrivateTmp": _YES,
        "ProtectClock": _YES,
        "ProtectControlGroups": _YES,
        "ProtectHome": f"{_YES}|read-only|tmpfs",
        "ProtectHostname": _YES,
        "ProtectKernelLogs": _YES,
        "ProtectKernelModules": _YES,
        "ProtectKernelTunables": _YES,
        "ProtectProc": "invisible",
        "ProtectSystem": f"{_YES}|full|strict",
        "RestrictAddressFamilies": r"AF_\w+( AF_\w+)*",
        "RestrictNamespaces": _YES,
        "RestrictRealtime": _YES,
        "RestrictSUIDSGID": _YES,
        "SystemCallArchitectures": "native",
        "SystemCallErrorNumber": "EPERM",
        "SystemCallFilter": "@system-service",
    },
    "Install": {"WantedBy": r"[\w.-]+\.target"},
}
"""Patterns of the values of each directive, by sections."""
