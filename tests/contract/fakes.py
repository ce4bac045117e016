"""Modules that record, generated from stubs of the real bindings: they know every name and every signature and do
nothing by themselves.

A name that the stub lacks, a call whose arguments fit no overload, an attribute that cannot be set and a subclass that
does not construct its base all raise. What a call gives is what a test says in `answers`, under "Class.method",
"Class.attribute" or "function": a value, or a function of the object and the arguments by name. Else it is what the
stub's type allows: a new object of the class, 0, True, "". Nothing here is what TensorRT would have said.
"""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

STUBS = Path(__file__).parent / "stubs"
_NUMBER = re.compile(r"# value = (-?\d+)$")
_EMPTY: dict[str, Callable[[], Any]] = {
    "builtins.bool": lambda: True,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "tuple": tuple,
    "list": list,
    "None": lambda: None,
}


@dataclass(frozen=True)
class Call:
    """One call: "Class.method", and its arguments by name."""

    name: str
    arguments: dict[str, Any]


@dataclass
class Recorder:
    """What was called and set, in order, and what calls give."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        """The arguments of each call of `name`."""
        return [call.arguments for call in self.calls if call.name == name]


class Signature:
    """The overloads of one function of a stub."""

    def __init__(self, name: str, nodes: Sequence[ast.FunctionDef], classes: dict[str, type]) -> None:
        self.name = name
        self._classes = classes
        self._overloads = [(_signature_of(node), _annotations_of(node), _text(node.returns)) for node in nodes]

    def bound(self, arguments: Sequence[Any], named: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Arguments by their names, and the type that the overload gives. Raises TypeError where none takes them."""
        for signature, kinds, returns in self._overloads:
            try:
                bound = signature.bind(*arguments, **named).arguments
            except TypeError:
                continue
            positional = bound.pop("positional", ())
            if all(self._takes(kinds.get(name, ""), value) for name, value in bound.items()):
                return bound | ({"positional": positional} if positional else {}), returns
        shown = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())])
        raise TypeError(f"{self.name}({shown}): no overload of the stub takes this")

    def _takes(self, annotation: str, value: Any) -> bool:
        kind = annotation.split("[", 1)[0]
        if kind in ("", "typing.Any"):
            return True
        if kind in self._classes:
            return isinstance(value, self._classes[kind]) and _is_constructed(value)
        checks: dict[str, Callable[[Any], bool]] = {
            "builtins.bool": lambda given: isinstance(given, bool),
            "str": lambda given: given is None or isinstance(given, str),
            "typing.SupportsInt": lambda given: hasattr(given, "__int__"),
            "typing.SupportsFloat": lambda given: hasattr(given, "__float__"),
            "typing_extensions.Buffer": _is_buffer,
            "collections.abc.Sequence": lambda given: not isinstance(given, str) and hasattr(given, "__len__"),
            "tuple": lambda given: isinstance(given, tuple),
            "list": lambda given: isinstance(given, list),
        }
        return checks[kind](value) if kind in checks else True


def fake(stub: Path, name: str) -> tuple[ModuleType, Recorder]:
    """A module generated from `stub`, and what records its calls, empty. One stub has one module, since all that tests
    leave behind is in the recorder."""
    module, recorder = _generated(stub, name)
    recorder.answers.clear()
    recorder.calls.clear()
    return module, recorder


@functools.cache
def _generated(stub: Path, name: str) -> tuple[ModuleType, Recorder]:
    text = stub.read_text(encoding="utf-8")
    module, recorder, classes = ModuleType(name), Recorder(), dict[str, type]()
    module.__spec__ = ModuleSpec(name, None)
    maker = _Maker(text.splitlines(), recorder, classes)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            setattr(module, node.name, maker.made(node, ""))
        elif isinstance(node, ast.FunctionDef):
            setattr(module, node.name, maker.function(node))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "__version__":
            module.__version__ = re.search(r"NVIDIA \S+ (\S+),", text)[1]  # type: ignore[attr-defined,index]
    return module, recorder


class _Maker:
    def __init__(self, lines: list[str], recorder: Recorder, classes: dict[str, type]) -> None:
        self._lines, self._recorder, self._classes = lines, recorder, classes

    def made(self, node: ast.ClassDef, prefix: str) -> type:
        name = f"{prefix}{node.name}"
        members = dict(self._members(node))
        if members and (_is_enum(node) or any(_target(each) == "__members__" for each in node.body)):
            made: type = enum.IntEnum(node.name, members)  # type: ignore[assignment]
        else:
            made = self._plain(node, name)
        self._classes[name] = made
        return made

    def function(self, node: ast.FunctionDef) -> Callable[..., Any]:
        signature = Signature(node.name, [node], self._classes)

        def called(*arguments: Any, **named: Any) -> Any:
            bound, returns = signature.bound(arguments, named)
            self._recorder.calls.append(Call(node.name, bound))
            return self._answer(node.name, returns, None, bound)

        return called

    def _plain(self, node: ast.ClassDef, name: str) -> type:
        bases = tuple(self._classes[base] for base in map(_text, node.bases) if base in self._classes)
        known: dict[str, Any] = {"_name": name, "_generated": True, "_attributes": {}, "_setters": {}}
        methods: dict[str, list[ast.FunctionDef]] = {}
        for each in node.body:
            if isinstance(each, ast.ClassDef):
                inner = self.made(each, f"{name}.")
                known[each.name] = inner
                if issubclass(inner, enum.Enum):  # pybind11 exports the members beside the enumeration
                    known |= dict(inner.__members__)
            elif isinstance(each, ast.AnnAssign) and not _text(each.annotation).startswith("typing.ClassVar"):
                known["_attributes"][_target(each)] = known["_setters"][_target(each)] = _text(each.annotation)
            elif isinstance(each, ast.FunctionDef):
                decorators = [_text(decorator) for decorator in each.decorator_list]
                if "property" in decorators:
                    known["_attributes"][each.name] = _text(each.returns)
                elif any(decorator.endswith(".setter") for decorator in decorators):
                    known["_setters"][each.name] = _text(each.args.args[1].annotation)
                else:
                    methods.setdefault(each.name, []).append(each)
        for method, nodes in methods.items():
            if method not in ("__del__", "__enter__", "__exit__", "__buffer__"):
                known[method] = self._method(f"{name}.{method}", nodes)
        if "__init__" not in methods:
            known["__init__"] = _no_constructor
        if "__buffer__" in methods:
            known["__bytes__"] = lambda instance: self._answer(f"{name}.__buffer__", "bytes", instance, {})
        maker = self

        def read(instance: Any, attribute: str) -> Any:
            annotation = _found(type(instance), "_attributes", attribute)
            if annotation is None:
                raise AttributeError(f"{name} has no {attribute} in the stub")
            held = object.__getattribute__(instance, "__dict__").get("_held", {})
            return (
                held[attribute] if attribute in held else maker._answer(f"{name}.{attribute}", annotation, instance, {})
            )

        def write(instance: Any, attribute: str, value: Any) -> None:
            annotation = _found(type(instance), "_setters", attribute)
            if annotation is None:
                if type(instance).__dict__.get("_generated") and not attribute.startswith("_"):
                    raise AttributeError(f"{name}.{attribute} cannot be set, as the stub says")
                object.__setattr__(instance, attribute, value)  # an attribute of the subclass's own
                return
            if not Signature("", [], maker._classes)._takes(annotation, value):
                raise TypeError(f"{name}.{attribute} = {value!r}: the stub says {annotation}")
            maker._recorder.calls.append(Call(f"{name}.{attribute} =", {"value": value}))
            instance.__dict__.setdefault("_held", {})[attribute] = value

        known |= {"__getattr__": read, "__setattr__": write}
        return type(node.name, bases, known)

    def _method(self, name: str, nodes: list[ast.FunctionDef]) -> Callable[..., Any]:
        signature = Signature(name, nodes, self._classes)

        def called(*arguments: Any, **named: Any) -> Any:
            instance = arguments[0]
            bound, returns = signature.bound(arguments, named)
            bound.pop("self", None)
            self._recorder.calls.append(Call(name, bound))
            if name.endswith(".__init__"):
                instance.__dict__["_constructed"] = True
                instance.__dict__["_arguments"] = bound
                return None
            return self._answer(name, returns, instance, bound)

        return called

    def _answer(self, name: str, returns: str, instance: Any, arguments: dict[str, Any]) -> Any:
        if name in self._recorder.answers:
            answer = self._recorder.answers[name]
            return answer(instance, **arguments) if callable(answer) else answer
        kind = returns.split("[", 1)[0]
        if kind in self._classes:
            return made_inside(self._classes[kind])
        if kind in _EMPTY:
            return _EMPTY[kind]()
        raise AssertionError(f"{name} gives {returns}: say in `answers` what it gives here")

    def _members(self, node: ast.ClassDef) -> Iterator[tuple[str, int]]:
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and (number := _NUMBER.search(self._lines[each.lineno - 1])):
                yield _target(each), int(number[1])
            elif isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                yield each.targets[0].id, int(ast.literal_eval(each.value))


def made_inside(made: type) -> Any:
    """An object as the library itself makes it, past its constructor."""
    if issubclass(made, enum.Enum):
        return next(iter(made))
    instance = object.__new__(made)
    instance.__dict__["_constructed"] = True
    instance.__dict__["_arguments"] = {}
    return instance


def _found(made: type, table: str, attribute: str) -> Any:
    return next(
        (each.__dict__[table][attribute] for each in made.__mro__ if attribute in each.__dict__.get(table, {})), None
    )


def _no_constructor(instance: Any, *arguments: Any, **named: Any) -> None:
    raise TypeError(f"{type(instance).__name__}: No constructor defined!")


def _is_constructed(value: Any) -> bool:
    return isinstance(value, enum.Enum) or "_constructed" in value.__dict__


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def _is_enum(node: ast.ClassDef) -> bool:
    return any(_text(base) == "enum.IntEnum" for base in node.bases)


def _target(node: ast.stmt) -> str:
    return node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""


@functools.cache
def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)


def _annotations_of(node: ast.FunctionDef) -> dict[str, str]:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {argument.arg: _text(argument.annotation) for argument in every if argument.arg not in ("self", "this")}


def _signature_of(node: ast.FunctionDef) -> inspect.Signature:
    every = [*node.args.posonlyargs, *node.args.args]
    without = len(every) - len(node.args.defaults)
    kinds = inspect.Parameter
    parameters = [
        kinds(argument.arg, kinds.POSITIONAL_OR_KEYWORD, default=kinds.empty if index < without else None)
        for index, argument in enumerate(every)
    ]
    if node.args.vararg:
        parameters.append(kinds("positional", kinds.VAR_POSITIONAL))
    if node.args.kwarg:
        parameters.append(kinds("named", kinds.VAR_KEYWORD))
    return inspect.Signature(parameters)
