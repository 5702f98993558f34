"""What users of PyTorch, Keras and scikit-learn type first: it works, or a line says what to write.

The oracle of an alias is the same thing by drypoint's own name; the oracle of a hint is its text.
CONTRIBUTING.md has the rule that decides which of the two a name is.
"""

import inspect
import pickle
from importlib import import_module

import numpy as np
import pytest
from answers import check_answers

import drypoint
from drypoint import engine, models, nn, plot, quant, train
from drypoint.common import ArgumentNameError, Arguments, UnknownNameError, accept, known_word
from drypoint.program import Program, blob

MODEL = models.load("lenet-mnist")
PROGRAM = models.load_program("lenet-mnist")
ENGINE = engine.Engine(PROGRAM)
X = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
PAIR = (X, [0, 1, 2])
PARTS = (
    *("baselines", "data", "engine", "interop", "measure", "models", "nn", "plot", "program"),
    *("quant", "train"),
)


def layer(module):
    """A layer or net as its config."""
    return module.config()


SAME = [
    (lambda: layer(nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(3))),
     lambda: layer(nn.Sequential([nn.Flatten(), nn.ReLU(), nn.Linear(3)]))),
    (lambda: layer(nn.Sequential(nn.Flatten(), nn.Linear(3), input_shape=(1, 4, 4))),
     lambda: layer(nn.Sequential([nn.Flatten(), nn.Linear(3)], (1, 4, 4)))),
    (lambda: layer(nn.Sequential(nn.Flatten(), nn.Linear(3), (1, 4, 4))),
     lambda: layer(nn.Sequential([nn.Flatten(), nn.Linear(3)], (1, 4, 4)))),
    (lambda: layer(nn.Sequential("Flatten", "Leaky-ReLU", 3)),
     lambda: layer(nn.Sequential([nn.Flatten(), nn.LeakyReLU(), nn.Linear(3)]))),
    (lambda: layer(nn.Sequential(layers=[nn.Flatten(), nn.Linear(3)], input_shape=(1, 4, 4))),
     lambda: layer(nn.Sequential([nn.Flatten(), nn.Linear(3)], (1, 4, 4)))),
    (lambda: layer(nn.Dense(10)), lambda: layer(nn.Linear(10))),
    (lambda: (plot.confusion_matrix, plot.roc_curve), lambda: (plot.confusion, plot.roc)),
    (lambda: layer(nn.Dense(units=10, use_bias=False)), lambda: layer(nn.Linear(10, bias=False))),
    (lambda: layer(nn.Linear(256, 3)), lambda: layer(nn.Linear(3, in_features=256))),
    (lambda: layer(nn.Linear(256, 3, False)),
     lambda: layer(nn.Linear(3, in_features=256, bias=False))),
    (lambda: layer(nn.Conv2d(1, 8, 3)), lambda: layer(nn.Conv2d(8, 3, in_channels=1))),
    (lambda: layer(nn.Conv2d(4, 8, 3, 2, 1)),
     lambda: layer(nn.Conv2d(8, 3, in_channels=4, stride=2, padding=1))),
    (lambda: layer(nn.Conv2d(4, 8, 3, groups=2)),
     lambda: layer(nn.Conv2d(8, 3, in_channels=4, groups=2))),
    (lambda: layer(nn.Conv2D(8, 3, strides=2, padding="SAME")),
     lambda: layer(nn.Conv2d(8, 3, stride=2, padding="same"))),
    (lambda: layer(nn.Conv2d(filters=8, kernel_size=3, padding="Valid")),
     lambda: layer(nn.Conv2d(8, 3, padding="valid"))),
    (lambda: layer(nn.Conv1d(2, 8, 3)), lambda: layer(nn.Conv1d(8, 3, in_channels=2))),
    (lambda: layer(nn.MaxPool2d(3, 2, 1)), lambda: layer(nn.MaxPool2d(3, stride=2, padding=1))),
    (lambda: layer(nn.AvgPool1d(3, 2)), lambda: layer(nn.AvgPool1d(3, stride=2))),
    (lambda: layer(nn.MaxPooling2D(pool_size=2, strides=1)),
     lambda: layer(nn.MaxPool2d(2, stride=1))),
    (lambda: layer(nn.BatchNorm2d(8, eps=1e-3)),
     lambda: layer(nn.BatchNorm2d(channels=8, epsilon=1e-3))),
    (lambda: layer(nn.Dropout(p=0.25)), lambda: layer(nn.Dropout(0.25))),
    (lambda: layer(nn.lenet(num_classes=3, random_state=1)),
     lambda: layer(nn.lenet(classes=3, seed=1))),
    (lambda: layer(nn.create_net("mlp:4", input_shape=(5,), num_classes=3)),
     lambda: layer(nn.create_net("mlp:4", input_shape=(5,), classes=3))),
    (lambda: train.Adam(learning_rate=0.1, beta_1=0.8), lambda: train.Adam(lr=0.1, beta1=0.8)),
    (lambda: train.RMSprop, lambda: train.RMSProp),
    (lambda: ENGINE(X), lambda: [MODEL.decoder(p) for p in ENGINE.predict_proba(X)]),
    (lambda: ENGINE.predict(X[0]), lambda: MODEL.decoder(ENGINE.predict_proba(X[0])[0])),
    (lambda: engine.Engine(PROGRAM, num_threads=2).run(X).tobytes(),
     lambda: ENGINE.run(X).tobytes()),
    (lambda: drypoint.nn, lambda: nn),
]  # fmt: skip


def test_a_name_of_the_same_meaning_works():
    for i, (typed, own) in enumerate(SAME):
        assert typed() == own(), i


def quick(**options):
    """The bytes of a model after an epoch."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 28, 28))
    result = train.fit(net, PAIR, epochs=1, validation_split=0, progress="none", **options)
    return result.model.dumps()


def test_words_of_fit_work_in_other_spellings():
    """Oracle: the trained bytes by drypoint's own words."""
    own = quick(optimizer="adam", schedule="onecycle", loss=nn.CrossEntropyLoss(), seed=1)
    words = {"optimizer": "Adam", "schedule": "OneCycle", "metrics": ["acc"], "random_state": 1}
    assert quick(**words, loss="sparse_categorical_crossentropy") == own


def test_models_and_programs_are_saved_and_loaded_by_methods(tmp_path):
    MODEL.save(tmp_path / "a.npz")
    assert nn.Model.load(tmp_path / "a.npz").dumps() == MODEL.dumps()
    PROGRAM.save(tmp_path / "a.dpt")
    assert (tmp_path / "a.dpt").read_bytes() == blob.dumps(PROGRAM)
    assert blob.dumps(Program.load(tmp_path / "a.dpt")) == blob.dumps(PROGRAM)


PUT_BEHIND = 'put the activation behind the layer, nn.ReLU() or "relu"'
FIT_PAIR = "give inputs and labels as a pair: fit(model, (x, y))"


def test_a_name_of_another_meaning_is_answered_in_one_line():
    check_answers("names", globals())


def test_every_predefined_net_answers_a_wrong_argument():
    """Oracle: the files of the predefined nets."""
    for file in ("presets", "unet", "grid"):
        presets = import_module(f"drypoint.nn._families.{file}")
        for name, net in inspect.getmembers(presets, inspect.isfunction):
            if net.__module__ == presets.__name__ and name in vars(nn):
                wrong = f"^{name} takes no .*'in_channels'.*input"
                with pytest.raises(ArgumentNameError, match=wrong):
                    getattr(nn, name)(in_channels=3)


def test_answers_are_the_errors_that_python_expects():
    """`hasattr`, `copy` and `except TypeError` rely on the built-in classes."""
    assert not hasattr(MODEL, "fit")
    assert not hasattr(nn, "LayerNorm")
    assert issubclass(UnknownNameError, AttributeError)
    assert issubclass(ArgumentNameError, TypeError)
    assert layer(pickle.loads(pickle.dumps(nn.Conv2d(1, 8, 3)))) == layer(nn.Conv2d(1, 8, 3))


def test_every_alias_names_something_and_no_hint_hides_a_name():
    """Of each table in the parts: the alias's target is there, and other names are not."""
    for part in PARTS:
        module = import_module(f"drypoint.{part}")
        tables = import_module(f"drypoint.{part}._aliases")
        for name, target in tables.MODULE_ALIASES.items():
            assert getattr(module, name) is getattr(module, target), name
        for name in {*tables.MODULE_ALIASES, *tables.MODULE_HINTS}:
            assert name not in vars(module), f"{part}.{name}"


def test_aliases_of_arguments_name_arguments():
    """Oracle: the signatures. An alias or hint that is itself an argument would never be read,
    but for an argument that may be missing."""
    nn_table = import_module("drypoint.nn._aliases").ARGUMENTS
    fit = import_module("drypoint.train._aliases")
    tables = {
        **{getattr(nn, name): table for name, table in nn_table.items()},
        nn.lenet: import_module("drypoint.nn._aliases").PRESET,
        train.fit: fit.FIT,
        quant.quantize: import_module("drypoint.quant._aliases").QUANTIZE,
        quant.calibrate: import_module("drypoint.quant._aliases").CALIBRATE,
        quant.report: import_module("drypoint.quant._aliases").REPORT,
    }
    for function, table in tables.items():
        parameters = inspect.signature(function).parameters
        assert {*table.aliases.values(), *table.order} <= {*parameters}, function
        assert not {*table.aliases} & {*parameters}, function
        required = {n for n, p in parameters.items() if p.default is inspect.Parameter.empty}
        assert {*table.hints} & {*parameters} <= required, function
    optimizers = (train.Adam, train.SGD, train.RMSProp)
    known = {name for optimizer in optimizers for name in inspect.signature(optimizer).parameters}
    assert {*fit.OPTIMIZER.aliases.values()} <= known


def test_words_equal_but_for_case_hyphens_and_underscores():
    assert known_word("Leaky-ReLU", ["relu", "leaky_relu"]) == "leaky_relu"
    assert known_word("tanhh", ["tanh"]) is None


def test_arguments_that_are_given_twice_or_beyond_the_order_are_refused():
    @accept(Arguments(order=("a", "b"), least=2, hints={"b": "a number"}))
    def function(b, *, a=0):
        return a, b

    assert function(1, 2) == (1, 2)
    assert function(5) == (0, 5)
    for call, message in [
        (lambda: function(1, 2, 3), "function got 3 positional arguments, too many: it takes b, a"),
        (function, "function got no b: a number"),
        (lambda: function(1, b=2), "function: multiple values for argument 'b'; it takes b, a"),
        (
            lambda: function(1, 2, a=3),
            "function got 2 positional arguments, too many: it takes b, a",
        ),
    ]:
        with pytest.raises(ArgumentNameError) as caught:
            call()
        assert str(caught.value) == message


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_argument_of_any_public_call_is_answered_with_the_nearest_name(part):
    """Oracle: each call's last argument, of which the last letter is doubled."""
    module, asked = import_module(f"drypoint.{part}"), 0
    for name, thing in vars(module).items():
        own = inspect.isfunction(thing) or "__init__" in getattr(thing, "__dict__", ())
        if name.startswith("_") or not own or getattr(thing, "_is_protocol", False):
            continue
        is_error = inspect.isclass(thing) and issubclass(thing, Exception)
        if inspect.isabstract(thing) or is_error:
            continue
        arguments = [*inspect.signature(thing).parameters.values()]
        if not arguments or any(p.kind is p.VAR_KEYWORD for p in arguments):
            continue
        last = arguments[-1].name
        if arguments[-1].kind is arguments[-1].VAR_POSITIONAL or len(last) < 3:
            continue
        with pytest.raises(ArgumentNameError, match=rf"{last}{last[-1]}'; is it .*{last}"):
            thing(**{last + last[-1]: None})
        asked += 1
    assert asked > 0


def test_an_unknown_argument_of_a_call_inside_is_not_answered():
    def inner(lowest):
        return lowest

    def outer(low):
        return inner(low, lowst=low)

    with pytest.raises(TypeError, match="lowst") as caught:
        import_module("drypoint.common._aliases")._make_suggesting(outer, "outer")(1)
    assert caught.type is TypeError
