"""Names that break out of where they are printed, stored or looked up."""

from __future__ import annotations

from functools import partial

from onnx import ModelProto, helper

from tests.faults.hostile.building import FLOAT, X, array, graph, model, model_of, node, sane, value
from tests.faults.hostile.entry import Hostile, Interface, of_bytes, of_model

_entry = partial(of_model, "names")
_bytes = partial(of_bytes, "names")

_TEXTS: tuple[tuple[str, str, str], ...] = (
    ("ansi", "ANSI escapes that clear the screen", "\x1b[2J\x1b[1;1H\x1b[32mpass\x1b[0m"),
    ("title", "an escape that sets the terminal's title", "\x1b]0;owned\x07"),
    ("newline", "a newline and what looks like a verdict", "a\nQP-000 pass"),
    ("carriage-return", "a carriage return that hides what comes before", "failed\rpassed"),
    ("nul", "a NUL", "before\0after"),
    ("backspace", "backspaces", "fail\b\b\b\bpass"),
    ("html", "a script", "<script>alert(1)</script><img src=x onerror=alert(1)>"),
    ("markdown", "Markdown", "](http://127.0.0.1/)|`a`|\n|---|\n**pass**"),
    ("rich", "rich markup", "[bold green]pass[/bold green][link=file:///etc/passwd]"),
    ("jinja", "a template", "{{ 7 * 7 }}{% raw %}"),
    ("format", "format fields", "%s%n%d{0.__class__}{}"),
    ("shell", "shell syntax", "$(touch owned);`touch owned`|| true"),
    ("path", "a path to outside", "../../../../etc/passwd"),
    ("absolute-path", "an absolute path", "/etc/passwd"),
    ("right-to-left", "a right-to-left override", "\u202egnp.exe"),
    ("surrogate-like", "characters outside the BMP and combining ones", "\U0001f4a5" + "a" + "\u0301" * 200),
    ("space", "only spaces", "   "),
    ("xml", "what XML may not hold", "]]>\x01\x02\ufffe"),
)


def _between(name: str) -> ModelProto:
    """x → Relu → name → Neg → y, and the same for nodes, weights, the graph and the metadata."""
    relu, neg = helper.make_node("Relu", ["x"], [name], name=name), helper.make_node("Add", [name, name + "w"], ["y"])
    made = model_of(graph([relu, neg], [array(name + "w", [1.0] * 4)]))
    made.graph.name = made.producer_name = made.graph.doc_string = name
    made.metadata_props.add(key=name, value=name)
    return made


def _outside(name: str) -> ModelProto:
    """The name is the graph's output, which a gate compares by name and writes into paths and reports."""
    return model_of(graph([helper.make_node("Relu", ["x"], [name])], outputs=[value(name, FLOAT, (1, 4))]))


def _input(name: str) -> ModelProto:
    return model_of(graph([helper.make_node("Relu", [name], ["y"])], inputs=[value(name, FLOAT, (1, 4))]))


def _operator(name: str) -> ModelProto:
    return model([node(name, "x", "y")])


def _domain(name: str) -> ModelProto:
    return model([node("Relu", "x", "y", domain=name)])


def _invalid_utf8(model_of_it: ModelProto) -> bytes:
    """The library writes only UTF-8: a name of the same length is replaced afterwards."""
    return model_of_it.SerializeToString(deterministic=True).replace(
        b"placeholder", b"\xff\xfe\xc3\x28\xed\xa0\x80bad!"
    )


def _alike() -> ModelProto:
    """é as one character and as two: equal to the eye, and to some file systems."""
    return model_of(
        graph(
            [node("Relu", "x", "\u00e9"), node("Neg", "x", "e\u0301"), node("Add", "\u00e9 e\u0301", "y")],
        )
    )


def _outputs_of_two_cases() -> ModelProto:
    return model_of(graph([node("Relu", "x", "y"), node("Neg", "x", "Y")], outputs=[value("y"), value("Y")]))


def _much_metadata() -> ModelProto:
    made = sane()
    for index in range(2000):
        made.metadata_props.add(key=f"k{index % 7}", value="v" * 20)
    return made


def _unnamed_input() -> ModelProto:
    return model_of(graph([node("Relu", "x", "y")], inputs=[X, value("", FLOAT, (1, 4))]))


_LONG = "n" * 90_000

ENTRIES: tuple[Hostile, ...] = (
    *(
        _entry(f"name-inside-{name}", f"Names inside the graph hold {what}.", partial(_between, text))
        for name, what, text in _TEXTS
    ),
    *(
        _entry(f"name-output-{name}", f"The output's name holds {what}.", partial(_outside, text), Interface.OWN)
        for name, what, text in _TEXTS
    ),
    _entry("name-input-path", "The input's name is a path to outside.", lambda: _input("../../x"), Interface.OWN),
    _entry("name-input-nul", "The input's name holds a NUL.", lambda: _input("x\0"), Interface.OWN),
    _entry("name-input-empty", "A second input has no name.", _unnamed_input, Interface.OWN),
    _entry("name-output-empty", "The output has no name.", lambda: _outside(""), Interface.OWN),
    _entry("name-operator-ansi", "The operator holds ANSI escapes.", lambda: _operator("\x1b[2JRelu")),
    _entry("name-operator-nul", "The operator is Relu, a NUL and more.", lambda: _operator("Relu\0x")),
    _entry("name-domain-path", "The domain is a path to a library.", lambda: _domain("../../lib.so")),
    _entry(
        "name-long-inside",
        "A value's name has 90,000 characters.",
        lambda: model([node("Relu", "x", _LONG), node("Neg", _LONG, "y")]),
    ),
    _entry("name-long-output", "The output's name has 90,000 characters.", lambda: _outside(_LONG), Interface.OWN),
    _entry("name-1-mb-inside", "A value's name has 10⁶ characters.", lambda: _between("n" * 1_000_000)),
    _entry("name-long-operator", "The operator's name has 90,000 characters.", lambda: _operator(_LONG)),
    _bytes(
        "name-inside-invalid-utf8",
        "Names inside the graph are no UTF-8.",
        lambda: _invalid_utf8(_between("placeholder")),
    ),
    _bytes(
        "name-output-invalid-utf8",
        "The output's name is no UTF-8.",
        lambda: _invalid_utf8(_outside("placeholder")),
        Interface.OWN,
    ),
    _bytes("name-operator-invalid-utf8", "The operator is no UTF-8.", lambda: _invalid_utf8(_operator("placeholder"))),
    _entry("name-alike", "Two values differ in Unicode normalization only.", _alike),
    _entry("name-two-cases", "Two outputs differ in case only.", _outputs_of_two_cases, Interface.OWN),
    _entry("name-metadata", "2,000 metadata entries under 7 keys.", _much_metadata),
)
