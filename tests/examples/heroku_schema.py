"""Our own schema of Heroku's ``app.json``, after its documentation (Dev Center, "app.json Schema")."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, model_validator

__all__ = ["AppJson"]

VariableName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
ProcessType = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
AddonPlan = Annotated[str, Field(pattern=r"^[a-z0-9-]+(:[a-z0-9-]+)?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Variable(_Strict):
    """A config var, which the button asks for, presets or generates."""

    description: str | None = None
    value: str | None = None
    required: bool = True
    generator: Literal["secret"] | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.value is not None and self.generator is not None:
            raise ValueError("has both a value and a generator")
        return self


class Formation(_Strict):
    """Dynos of a process type."""

    quantity: int = Field(ge=0)
    size: str | None = Field(None, pattern="^(eco|basic|standard-[12]x|performance-[ml]|(private|shield)-[sml])$")


class Addon(_Strict):
    """An add-on with the name of its attachment."""

    plan: AddonPlan
    as_: str | None = Field(None, alias="as")
    options: dict[str, str] = Field(default_factory=dict)


class Buildpack(_Strict):
    """A buildpack."""

    url: str


class Scripts(_Strict):
    """Commands that run once."""

    postdeploy: str | None = None
    pr_predestroy: str | None = Field(None, alias="pr-predestroy")
    test: str | None = None


class AppJson(_Strict):
    """The whole file."""

    name: str | None = Field(None, min_length=3, max_length=30)
    description: str | None = Field(None, max_length=140)
    keywords: list[str] = Field(default_factory=list)
    website: Annotated[HttpUrl, Field(strict=False)] | None = None
    repository: Annotated[HttpUrl, Field(strict=False)] | None = None
    logo: Annotated[HttpUrl, Field(strict=False)] | None = None
    success_url: str | None = None
    scripts: Scripts | None = None
    env: dict[VariableName, Variable] = Field(default_factory=dict)
    formation: dict[ProcessType, Formation] = Field(default_factory=dict)
    addons: list[AddonPlan | Addon] = Field(default_factory=list)
    buildpacks: list[Buildpack] = Field(default_factory=list)
    environments: dict[Literal["test", "review", "production"], AppJson] = Field(default_factory=dict)
    stack: str | None = Field(None, pattern=r"^heroku-\d\d$")
    image: str | None = None
