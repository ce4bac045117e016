"""Operators of ai.onnx.ml: trees, supports and vocabularies, as lists of numbers that point into each other."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import INT64, array, from_float, ints, model, node, to_float
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "classical")
_ML = "ai.onnx.ml"
_FAR = 1 << 30


def _trees(**changed: Any) -> ModelProto:
    """One tree of a root and two leaves; `changed` replaces attributes."""
    attributes = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
        "n_targets": 1,
        **changed,
    }
    return model([node("TreeEnsembleRegressor", "x", "y", domain=_ML, **attributes)])


def _ensemble(**changed: Any) -> ModelProto:
    """The same in the form of version 5."""
    attributes = {
        "nodes_splits": array("s", [0.5]),
        "nodes_featureids": [0],
        "nodes_modes": array("m", [0], np.uint8),
        "nodes_truenodeids": [0],
        "nodes_trueleafs": [1],
        "nodes_falsenodeids": [1],
        "nodes_falseleafs": [1],
        "leaf_targetids": [0, 0],
        "leaf_weights": array("w", [1.0, 2.0]),
        "tree_roots": [0],
        "n_targets": 1,
        **changed,
    }
    made = model([node("TreeEnsemble", "x", "y", domain=_ML, **attributes)])
    next(each for each in made.opset_import if each.domain == _ML).version = 5
    return made


def _supports(**changed: Any) -> ModelProto:
    attributes = {
        "kernel_type": "RBF",
        "kernel_params": [0.1, 0.0, 3.0],
        "support_vectors": [1.0] * 4,
        "coefficients": [1.0],
        "rho": [0.0],
        "n_supports": 1,
        **changed,
    }
    return model([node("SVMRegressor", "x", "y", domain=_ML, **attributes)])


def _support_classes(**changed: Any) -> ModelProto:
    attributes = {
        "kernel_type": "LINEAR",
        "kernel_params": [0.1, 0.0, 3.0],
        "support_vectors": [1.0] * 8,
        "coefficients": [1.0, -1.0],
        "rho": [0.0],
        "vectors_per_class": [1, 1],
        "classlabels_ints": [0, 1],
        **changed,
    }
    return model([node("SVMClassifier", "x", "label y", domain=_ML, **attributes)])


def _linear(**attributes: Any) -> ModelProto:
    return model([node("LinearRegressor", "x", "y", domain=_ML, **attributes)])


def _linear_classes(**attributes: Any) -> ModelProto:
    return model([node("LinearClassifier", "x", "label y", domain=_ML, **attributes)])


def _scaled(**attributes: Any) -> ModelProto:
    return model([node("Scaler", "x", "y", domain=_ML, **attributes)])


def _extracted(*places: int) -> ModelProto:
    return model([node("ArrayFeatureExtractor", "x places", "y", domain=_ML)], ints("places", *places))


def _labelled(**attributes: Any) -> ModelProto:
    return model([from_float("a", INT64), node("LabelEncoder", "a", "y", domain=_ML, **attributes)])


def _counted(**changed: Any) -> ModelProto:
    """TfIdfVectorizer: the pool of n-grams, where each length starts, and the column of each."""
    attributes = {
        "mode": "TF",
        "min_gram_length": 1,
        "max_gram_length": 1,
        "max_skip_count": 0,
        "ngram_counts": [0],
        "ngram_indexes": [0, 1],
        "pool_int64s": [1, 2],
        **changed,
    }
    return model([from_float("a", INT64), node("TfIdfVectorizer", "a", "y", **attributes)])


def _one_hot(**attributes: Any) -> ModelProto:
    return model([node("OneHotEncoder", "x", "y", domain=_ML, **attributes)])


def _imputed(**attributes: Any) -> ModelProto:
    return model([node("Imputer", "x", "y", domain=_ML, **attributes)])


def _zipped() -> ModelProto:
    """A map of float scores to labels that are fewer than the columns."""
    return model(
        [
            node("ZipMap", "x", "m", domain=_ML, classlabels_int64s=[1]),
            node("DictVectorizer", "m", "v", domain=_ML, int64_vocabulary=[7]),
            node("Identity", "v", "y"),
        ]
    )


def _union(*dimensions: int) -> ModelProto:
    return model([node("FeatureVectorizer", "x", "y", domain=_ML, inputdimensions=list(dimensions))])


def _categories() -> ModelProto:
    return model(
        [
            from_float("a", INT64),
            node("CategoryMapper", "a", "s", domain=_ML, cats_int64s=[1, 2, 3], cats_strings=["a"]),
            node("Cast", "s", "y", to=1),
        ]
    )


def _string_labels() -> ModelProto:
    words = TensorProto(name="words", dims=(1,), data_type=TensorProto.STRING, string_data=[b"\xff"])
    encode = node("LabelEncoder", "words", "n", domain=_ML, keys_strings=["a"], values_floats=[1.0])
    return model([encode, node("Add", "x n", "y")], words)


TREES = (
    _entry("tree-cycle", "A tree's root is its own child.", lambda: _trees(nodes_truenodeids=[0, 0, 0])),
    _entry(
        "tree-cycle-of-two",
        "A leaf is a branch back to the root.",
        lambda: _trees(nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"]),
    ),
    _entry("tree-child-outside", "A tree's child is node 2³⁰ of 3.", lambda: _trees(nodes_truenodeids=[_FAR, 0, 0])),
    _entry("tree-feature-outside", "A tree asks for feature 2³⁰ of 4.", lambda: _trees(nodes_featureids=[_FAR, 0, 0])),
    _entry("tree-feature-negative", "A tree asks for feature −2³⁰.", lambda: _trees(nodes_featureids=[-_FAR, 0, 0])),
    _entry("tree-target-outside", "A leaf adds to target 2³⁰ of 1.", lambda: _trees(target_ids=[_FAR, _FAR])),
    _entry("tree-target-negative", "A leaf adds to target −2³⁰.", lambda: _trees(target_ids=[-_FAR, -_FAR])),
    _entry("tree-targets-0", "A tree has 0 targets.", lambda: _trees(n_targets=0)),
    _entry("tree-targets-huge", "A tree has 2⁶² targets.", lambda: _trees(n_targets=1 << 62)),
    _entry("tree-targets-negative", "A tree has −1 targets.", lambda: _trees(n_targets=-1)),
    _entry(
        "tree-mode",
        "A node is of a mode that nobody knows.",
        lambda: _trees(nodes_modes=["BRANCH_GUESS", "LEAF", "LEAF"]),
    ),
    _entry(
        "tree-short-lists",
        "A tree's lists are of different lengths.",
        lambda: _trees(nodes_values=[0.5], nodes_featureids=[0]),
    ),
    _entry("tree-short-weights", "Two leaves have one weight.", lambda: _trees(target_weights=[1.0])),
    _entry("tree-short-target-ids", "Two leaves have one target.", lambda: _trees(target_ids=[0])),
    _entry(
        "tree-empty",
        "A tree of no nodes.",
        lambda: _trees(
            **{
                k: []
                for k in (
                    "nodes_treeids",
                    "nodes_nodeids",
                    "nodes_featureids",
                    "nodes_truenodeids",
                    "nodes_falsenodeids",
                    "target_treeids",
                    "target_nodeids",
                    "target_ids",
                )
            },
            nodes_values=[0.0],
            nodes_modes=["LEAF"],
        ),
    ),
    _entry("tree-twice", "Two nodes of one id.", lambda: _trees(nodes_nodeids=[0, 1, 1])),
    _entry("tree-base-values", "A tree has 9 base values for 1 target.", lambda: _trees(base_values=[1.0] * 9)),
    _entry("ensemble-cycle", "TreeEnsemble: the root is its own child.", lambda: _ensemble(nodes_trueleafs=[0])),
    _entry("ensemble-leaf-outside", "TreeEnsemble: leaf 2³⁰ of 2.", lambda: _ensemble(nodes_truenodeids=[_FAR])),
    _entry("ensemble-leaf-negative", "TreeEnsemble: leaf −2³⁰.", lambda: _ensemble(nodes_truenodeids=[-_FAR])),
    _entry(
        "ensemble-node-outside",
        "TreeEnsemble: node 2³⁰ of 1.",
        lambda: _ensemble(nodes_truenodeids=[_FAR], nodes_trueleafs=[0]),
    ),
    _entry("ensemble-root-outside", "TreeEnsemble: root 2³⁰ of 1.", lambda: _ensemble(tree_roots=[_FAR])),
    _entry("ensemble-feature-outside", "TreeEnsemble: feature 2³⁰ of 4.", lambda: _ensemble(nodes_featureids=[_FAR])),
    _entry("ensemble-target-outside", "TreeEnsemble: target 2³⁰ of 1.", lambda: _ensemble(leaf_targetids=[_FAR, _FAR])),
    _entry("ensemble-mode", "TreeEnsemble: mode 99.", lambda: _ensemble(nodes_modes=array("m", [99], np.uint8))),
    _entry(
        "ensemble-no-members",
        "TreeEnsemble: membership without members.",
        lambda: _ensemble(nodes_modes=array("m", [6], np.uint8)),
    ),
    _entry(
        "ensemble-short-leaves",
        "TreeEnsemble: 2 leaves and 1 weight.",
        lambda: _ensemble(leaf_weights=array("w", [1.0])),
    ),
    _entry(
        "ensemble-short-flags",
        "TreeEnsemble: no flags of leaves.",
        lambda: _ensemble(nodes_trueleafs=[], nodes_falseleafs=[]),
    ),
)

LINEAR = (
    _entry("svm-supports-lie", "SVMRegressor says 10⁶ supports of 1.", lambda: _supports(n_supports=1_000_000)),
    _entry("svm-supports-negative", "SVMRegressor says −1 supports.", lambda: _supports(n_supports=-1)),
    _entry(
        "svm-supports-short", "SVMRegressor's support has 3 values of 4.", lambda: _supports(support_vectors=[1.0] * 3)
    ),
    _entry("svm-no-rho", "SVMRegressor without rho.", lambda: _supports(rho=[])),
    _entry("svm-no-coefficients", "SVMRegressor without coefficients.", lambda: _supports(coefficients=[])),
    _entry("svm-kernel", "SVMRegressor with a kernel that nobody knows.", lambda: _supports(kernel_type="GUESS")),
    _entry(
        "svm-kernel-params", "SVMRegressor with one kernel parameter of three.", lambda: _supports(kernel_params=[0.1])
    ),
    _entry(
        "svm-classes-short",
        "SVMClassifier's supports are fewer than it counts.",
        lambda: _support_classes(vectors_per_class=[1000, 1000]),
    ),
    _entry(
        "svm-classes-negative",
        "SVMClassifier counts −1 supports of a class.",
        lambda: _support_classes(vectors_per_class=[-1, 3]),
    ),
    _entry("svm-classes-no-rho", "SVMClassifier without rho.", lambda: _support_classes(rho=[])),
    _entry(
        "svm-classes-coefficients",
        "SVMClassifier with one coefficient of two.",
        lambda: _support_classes(coefficients=[1.0]),
    ),
    _entry(
        "svm-classes-labels",
        "SVMClassifier of two classes with one label.",
        lambda: _support_classes(classlabels_ints=[0]),
    ),
    _entry(
        "svm-classes-probabilities",
        "SVMClassifier with one probability of two.",
        lambda: _support_classes(prob_a=[1.0], prob_b=[]),
    ),
    _entry(
        "linear-coefficients-short", "LinearRegressor with 1 coefficient of 4.", lambda: _linear(coefficients=[1.0])
    ),
    _entry(
        "linear-targets-lie",
        "LinearRegressor says 1,000 targets of 1.",
        lambda: _linear(coefficients=[1.0] * 4, targets=1000),
    ),
    _entry(
        "linear-targets-negative",
        "LinearRegressor says −1 targets.",
        lambda: _linear(coefficients=[1.0] * 4, targets=-1),
    ),
    _entry("linear-targets-0", "LinearRegressor says 0 targets.", lambda: _linear(coefficients=[1.0] * 4, targets=0)),
    _entry(
        "linear-intercepts",
        "LinearRegressor with 3 intercepts of 1.",
        lambda: _linear(coefficients=[1.0] * 4, intercepts=[1.0] * 3),
    ),
    _entry(
        "linear-classes-coefficients",
        "LinearClassifier with 1 coefficient of 8.",
        lambda: _linear_classes(coefficients=[1.0], intercepts=[0.0, 0.0], classlabels_ints=[0, 1]),
    ),
    _entry(
        "linear-classes-none",
        "LinearClassifier without intercepts or labels.",
        lambda: _linear_classes(coefficients=[1.0] * 4),
    ),
    _entry(
        "linear-classes-labels",
        "LinearClassifier of 3 classes with 1 label.",
        lambda: _linear_classes(coefficients=[1.0] * 12, intercepts=[0.0] * 3, classlabels_ints=[7]),
    ),
)

FEATURES = (
    _entry("scaler-short", "Scaler with 3 offsets of 4.", lambda: _scaled(offset=[1.0] * 3, scale=[1.0] * 3)),
    _entry("scaler-empty", "Scaler with nothing.", _scaled),
    _entry("scaler-unlike", "Scaler with 4 offsets and 1 scale.", lambda: _scaled(offset=[1.0] * 4, scale=[1.0])),
    _entry("extract-outside", "ArrayFeatureExtractor of place 2³⁰ of 4.", lambda: _extracted(_FAR)),
    _entry("extract-negative", "ArrayFeatureExtractor of place −2³⁰.", lambda: _extracted(-_FAR)),
    _entry("extract-nothing", "ArrayFeatureExtractor of no place.", _extracted),
    _entry(
        "labels-unlike",
        "LabelEncoder with 3 keys and 1 value.",
        lambda: _labelled(keys_int64s=[1, 2, 3], values_floats=[1.0]),
    ),
    _entry("labels-none", "LabelEncoder with nothing.", _labelled),
    _entry(
        "labels-two-kinds",
        "LabelEncoder with keys of two kinds.",
        lambda: _labelled(keys_int64s=[1], keys_floats=[1.0], values_floats=[1.0]),
    ),
    _entry("labels-invalid-utf8", "LabelEncoder of invalid UTF-8.", _string_labels),
    _entry(
        "tfidf-counts-outside", "TfIdfVectorizer: n-grams start at 2³⁰ of 2.", lambda: _counted(ngram_counts=[_FAR])
    ),
    _entry("tfidf-counts-negative", "TfIdfVectorizer: n-grams start at −5.", lambda: _counted(ngram_counts=[-5])),
    _entry(
        "tfidf-counts-unsorted",
        "TfIdfVectorizer: n-grams start after they end.",
        lambda: _counted(ngram_counts=[2, 0], max_gram_length=2),
    ),
    _entry("tfidf-columns-outside", "TfIdfVectorizer: columns 2³⁰ and −1.", lambda: _counted(ngram_indexes=[_FAR, -1])),
    _entry("tfidf-columns-short", "TfIdfVectorizer: 2 n-grams and 1 column.", lambda: _counted(ngram_indexes=[0])),
    _entry(
        "tfidf-weights-short", "TfIdfVectorizer: 2 n-grams and 1 weight.", lambda: _counted(mode="TFIDF", weights=[1.0])
    ),
    _entry(
        "tfidf-lengths", "TfIdfVectorizer: from length 5 to 2.", lambda: _counted(min_gram_length=5, max_gram_length=2)
    ),
    _entry(
        "tfidf-skip-huge",
        "TfIdfVectorizer: skips of up to 2⁴⁰.",
        lambda: _counted(max_skip_count=1 << 40, max_gram_length=2, ngram_counts=[0, 0]),
    ),
    _entry("one-hot-none", "OneHotEncoder without categories.", _one_hot),
    _entry(
        "imputer-short",
        "Imputer with 3 values of 4.",
        lambda: _imputed(imputed_value_floats=[1.0] * 3, replaced_value_float=0.5),
    ),
    _entry("imputer-none", "Imputer without values.", _imputed),
    _entry("zip-map-short", "ZipMap of 4 columns with 1 label.", _zipped),
    _entry("vectorizer-lies", "FeatureVectorizer says 10⁶ of 4.", lambda: _union(1_000_000)),
    _entry("vectorizer-negative", "FeatureVectorizer says −4.", lambda: _union(-4)),
    _entry("vectorizer-none", "FeatureVectorizer says nothing.", _union),
    _entry("categories-unlike", "CategoryMapper with 3 numbers and 1 word.", _categories),
    _entry(
        "normalizer-unknown",
        "Normalizer by a norm that nobody knows.",
        lambda: model([node("Normalizer", "x", "y", domain=_ML, norm="L9")]),
    ),
    _entry(
        "binarizer-string",
        "Binarizer of strings.",
        lambda: model([from_float("s", TensorProto.STRING), node("Binarizer", "s", "v", domain=_ML), to_float("v")]),
    ),
)

ENTRIES = (*TREES, *LINEAR, *FEATURES)
