"""The task "keywords": the net decides which word a clip has; its program listens to a stream."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.data import AudioEncoder, Dataset, augment
from drypoint.nn import Model
from drypoint.program import Program, ProgramError

from ._answer import Answer, Choice
from ._classes import Classes
from ._clips import add_passages, noise_for
from ._listening import Listening, choose_detector, errors_of, listen_to
from ._task import Augmentation, Notify, Strength, Trial, count_epochs, reader_of

_STEPS, _MOST_EPOCHS = 6000, 60  # of a run whose epochs are left out
_CUTOFF = 0.5  # of a program of keywords without a detector


@dataclass(frozen=True)
class Keywords(Classes):
    """The output has a probability for each word; in a stream a detector finds the words."""

    name = "keywords"
    read_as = "keyword"
    holds_out = True
    choice_option = "false_accepts"
    chosen = "detector"
    strength = "strong"

    def prepare(self, dataset: Dataset, notify: Notify) -> Dataset:
        """The clips, and windows across two of them."""
        found = add_passages(dataset)
        notify(f"stream: {len(found) - len(dataset):,} windows across two clips are added")
        return found

    def augmentation(
        self, strength: Strength, dataset: Dataset, noise: NDArray[np.int16] | None
    ) -> Augmentation | None:
        """Speed, shift, gain, masks, and noise: of the data set or generated, if None is given."""
        if strength == "none":
            return None
        length = dataset.signal_size[0]
        noise = noise_for(dataset) if noise is None else np.resize(noise, max(len(noise), length))
        is_light = strength == "light"
        return augment.Audio(
            speed=0.1 if is_light else 0.2,
            shift=length // (20 if is_light else 10),
            mask=length // (20 if is_light else 10),
            noise=0.25 if is_light else 0.5,
            gain=0.25 if is_light else 0.5,
            recordings=noise,
            frequency_mask=6 if is_light else 12,  # of 40 features
        )

    def epochs(self, dataset: Dataset, *, batch: int, macs: int) -> int:  # noqa: ARG002
        """The epochs of about 6,000 steps."""
        return count_epochs(dataset, _STEPS, batch=batch, most=_MOST_EPOCHS)

    def encoder(self, dataset: Dataset, notify: Notify) -> AudioEncoder:
        """Spectral features."""
        encoder = AudioEncoder.from_data(dataset, preset="log-mel", layout="signal", scale=2.0**-9)
        channels, rows = encoder.shape
        notify(f"encoder: {rows} rows of {channels} features, of frames of 30 ms every 10 ms")
        return encoder

    def default_net(self, dataset: Dataset) -> str:  # noqa: ARG002
        """Depthwise-separable convolutions."""
        return "ds-conv1d"

    def measure(self, trial: Trial) -> Answer:
        """The figures of the classes, and of a program's detector its errors in a stream of the
        clips."""
        found, program = super().measure(trial), reader_of(trial.runner)
        if not isinstance(program, Program) or program.detector is None:
            return found
        stream_program = program if program.is_streaming else program.streaming()
        stream = listen_to(stream_program, trial.dataset)
        errors = errors_of(stream_program, stream, program.detector, 0)
        facts = {name: fact for name, fact in errors.to_json().items() if name != "threshold"}
        text = f"{found.text}\nas a stream: {errors.text}"
        return Answer(text, {**found.facts, "detector": facts})

    def stream(self, reader: Model | Program, name: str, notify: Notify) -> Program | None:
        """The streaming program with a detector; None of a net in floats, or of one that does not
        stream."""
        if not isinstance(reader, Program) or reader.front is None:
            return None
        try:
            program = reader if reader.is_streaming else reader.streaming()
        except ProgramError as error:
            notify(f"{name} answers window by window, since it does not stream: {error}")
            return None
        if program.detector is None:
            notify(
                f"{name} has no detector: keywords of a mean probability of {_CUTOFF} are named; "
                "drypoint measure --false-accepts chooses by validation clips"
            )
            program = replace(program, detector=Listening(program).detector(_CUTOFF))
        return program

    def choose(self, trial: Trial, rate: float | None, *, name: str) -> Choice:
        """The detector of the lowest threshold whose false accepts an hour on validation clips are
        at most ``rate``."""
        return choose_detector(trial.program, trial.dataset, rate, name=name)
