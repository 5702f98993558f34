"""The training step: forward, backward, clip, update.

`tape.TapeStep` is the specification. `compiled.CompiledStep` traces a tape step for each batch
shape, compiles the trace, and replays it for later batches. `choose.choose_step` picks one of
the two classes.
"""
