"""Wrong guesses of users of other tools, and the right name that answers each.

The oracle is the exact text. A row that begins with ``drypoint`` is a command, another one an
expression in Python.
"""

import pytest
from answers import answers, is_answer

import drypoint
from drypoint import data, engine, interop, measure, nn, plot, quant, train
from drypoint.cli.__main__ import main
from drypoint.common import UnknownNameError

NAMES = {
    "drypoint": drypoint,
    "data": data,
    "engine": engine,
    "interop": interop,
    "measure": measure,
    "nn": nn,
    "plot": plot,
    "quant": quant,
    "train": train,
}
GUESSES = dict(answers("guesses"))


def answer(guess, capsys, toolbox):
    """What a guess is answered with."""
    if guess.startswith("drypoint "):
        try:
            assert main(guess.split()[1:]) == 2
        except SystemExit as ended:
            assert ended.code == 2
        return capsys.readouterr().err.splitlines()[-1]
    names = dict(NAMES)
    if guess.startswith("sklearn"):
        toolbox.need_package("sklearn")
        names["sklearn"] = drypoint.sklearn
    with pytest.raises(UnknownNameError) as caught:
        eval(guess, names)
    return str(caught.value)


@pytest.mark.parametrize("guess", GUESSES)
def test_a_guess_is_answered_with_the_right_name(guess, capsys, toolbox, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    said = answer(guess, capsys, toolbox)
    assert is_answer(said, GUESSES[guess]), said
    assert not [*tmp_path.iterdir()]


def test_names_of_scikit_learn_and_keras_that_mean_one_thing_work(toolbox):
    toolbox.need_package("sklearn")
    sklearn = drypoint.sklearn
    assert sklearn.MLPClassifier is sklearn.Classifier
    assert plot.plot_confusion_matrix is plot.confusion
    assert nn.Conv2D is nn.Conv2d
    assert nn.load_model is nn.load
