"""Backends of a user's project that are wrong in one way each, and the conftest.py that gives them."""

from __future__ import annotations

BACKENDS = '''
import numpy as np
from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import SessionFacts


class Spoiled:
    """ONNX Runtime on the CPU with one thing wrong."""

    def __init__(self, session):
        self._session = session

    def run(self, feed):
        return self.spoil(self._session.run(feed))

    def spoil(self, outputs):
        return outputs

    def facts(self):
        return self._session.facts()

    def close(self):
        self._session.close()


def engine(spoiled):
    class Engine:
        def unavailable(self):
            return None

        def load(self, model, options):
            return spoiled(OnnxRuntimeCpu().load(model, options))

    return Engine


class NotANumber(Spoiled):
    def spoil(self, outputs):
        array = outputs["logits"].copy()
        array[0, 0] = np.nan
        return {**outputs, "logits": array}


class TooFew(Spoiled):
    def spoil(self, outputs):
        return {"logits": outputs["logits"]}


class OtherType(Spoiled):
    def spoil(self, outputs):
        return {name: array.astype(np.float64) for name, array in outputs.items()}


class OtherOrder(Spoiled):
    def spoil(self, outputs):
        return dict(reversed(outputs.items()))


class OtherShape(Spoiled):
    def spoil(self, outputs):
        return {name: array[:, :-1] for name, array in outputs.items()}


class NoOutput(Spoiled):
    def spoil(self, outputs):
        return {}


class Strayed(Spoiled):
    def facts(self):
        import dataclasses

        facts = self._session.facts()
        return dataclasses.replace(facts, placement={**facts.placement, "SomewhereElse": 1})


class Unplaced(Spoiled):
    def facts(self):
        import dataclasses

        return dataclasses.replace(self._session.facts(), placement={})


class RaisesLater(Spoiled):
    runs = 0

    def spoil(self, outputs):
        self.runs += 1
        if self.runs > 6:
            raise RuntimeError("out of workspace")
        return outputs


class NegativeFacts(Spoiled):
    def facts(self):
        import dataclasses

        return dataclasses.replace(self._session.facts(), placement={"CPUExecutionProvider": -3})


class NoFacts(Spoiled):
    def facts(self):
        return {"engine": "ort"}


class FactsThatRaise(Spoiled):
    def facts(self):
        raise RuntimeError("no facts")


class FloatWithNoise:
    """Loads the float model whatever it is given, and adds a little noise to what it gives."""

    def unavailable(self):
        return None

    def load(self, model, options):
        from pathlib import Path

        class Noisy(Spoiled):
            def spoil(self, outputs):
                return {name: array * np.float32(1.000001) for name, array in outputs.items()}

        return Noisy(OnnxRuntimeCpu().load(Path("cases/models/mlp.onnx").absolute(), options))


class FloatInDisguise:
    """Loads the float model whatever it is given."""

    def unavailable(self):
        return None

    def load(self, model, options):
        from pathlib import Path

        return OnnxRuntimeCpu().load(Path("cases/models/mlp.onnx").absolute(), options)


class Missing:
    def unavailable(self):
        from pytest_qparity.backends.protocol import Unavailable

        return Unavailable("its library libmissing.so was not found", "install libmissing")

    def load(self, model, options):
        raise AssertionError("loaded although it is not available")


NotANumberEngine = engine(NotANumber)
TooFewEngine = engine(TooFew)
OtherTypeEngine = engine(OtherType)
OtherOrderEngine = engine(OtherOrder)
OtherShapeEngine = engine(OtherShape)
NoOutputEngine = engine(NoOutput)
StrayedEngine = engine(Strayed)
UnplacedEngine = engine(Unplaced)
RaisesLaterEngine = engine(RaisesLater)
NegativeFactsEngine = engine(NegativeFacts)
NoFactsEngine = engine(NoFacts)
FactsThatRaiseEngine = engine(FactsThatRaise)
'''

CONFTEST = """
from pytest_qparity import BackendSpec


def pytest_qparity_backends(config):
    engines = {
        "not-a-number": "NotANumberEngine",
        "too-few": "TooFewEngine",
        "other-type": "OtherTypeEngine",
        "other-order": "OtherOrderEngine",
        "other-shape": "OtherShapeEngine",
        "no-output": "NoOutputEngine",
        "strayed": "StrayedEngine",
        "unplaced": "UnplacedEngine",
        "float-in-disguise": "FloatInDisguise",
        "missing": "Missing",
        "negative-facts": "NegativeFactsEngine",
        "raises-later": "RaisesLaterEngine",
        "no-facts": "NoFactsEngine",
        "facts-that-raise": "FactsThatRaiseEngine",
        "float-with-noise": "FloatWithNoise",
    }
    return [BackendSpec(name, f"spoiled_engines:{engine}", placement="ort") for name, engine in engines.items()]
"""
