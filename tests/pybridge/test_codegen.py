"""The text of generated C: names that cannot clash, comments that cannot end early, versions."""

import contextlib
import dataclasses
import re
from functools import cache
from string import Template

import map_nets
import nets
import numpy as np
import pytest
import sound_nets
import stream_nets

from drypoint.engine._native import ffi, lib
from drypoint.program import (
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    ProgramError,
    blob,
    c_name,
    codegen,
    packing,
)
from tools import INCLUDE, ROOT, run

PROGRAM = nets.random_program(48)
INPUTS = nets.random_inputs(PROGRAM, 1)
C99 = (  # all headers but tgmath.h, which has macros of the other headers' functions
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg "
    "stdbool stddef stdint stdio stdlib string time wchar wctype"
)
NUMBERS = r"(NET_ID|NET_EXPORT_CRC)( !=)? +0x[0-9A-F]{8}u"


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def test_generation_gives_three_files_and_is_deterministic():
    files = codegen.generate(PROGRAM, "net", INPUTS)
    assert list(files) == ["net.h", "net.c", "selftest.c"]
    assert codegen.generate(PROGRAM, "net", INPUTS) == files
    for text in files.values():
        assert text.isascii()
        for line in str(PROGRAM).splitlines():
            assert f" * {line}" in text


@pytest.mark.parametrize(
    "name",
    ["", "Net", "1net", "net-1", "net.c", "né", "_net", "while", "class", "stdint", "selftest",
     "weight0", "bias12", "int32_t", "uint_fast8_t", "intptr_t", "dpt_model", "dpt", "drypoint",
     "nul", "com1", "x" * 64, "setup", "loop", "main", "word", "map", "y1", "read", "std", "test"],
)  # fmt: skip
def test_names_that_c_cannot_take_are_refused(name):
    with pytest.raises(ProgramError, match="cannot name C files"):
        codegen.generate(PROGRAM, name, INPUTS)


def test_every_identifier_of_the_generated_files_is_refused_as_a_name():
    """Whatever a template declares or calls, a model of that name would clash or shadow it."""
    files = codegen.generate(PROGRAM, "my_own_net", INPUTS)
    stream = stream_nets.streams((3,))[0]
    steps = codegen.generate(stream, "my_own_net", nets.random_inputs(stream, 1, n=40))
    files |= {f"stream_{name}": text for name, text in steps.items()}
    driver = (ROOT / "pybridge/drypoint/engine/driver.c.in").read_text("utf-8")
    names = {"name": "my_own_net", "upper": "MY_OWN_NET", "trace_size": 1, "begins": 0}
    names |= {"reset": "dpt_reset(&my_own_net, arena, 1);", "call": "dpt_step"}
    files["driver.c"] = Template(driver).substitute(names)
    for path in (ROOT / "pybridge/drypoint/forms/templates").glob("*.ino.in"):
        text = Template(path.read_text("utf-8")).safe_substitute(names)
        files[path.name] = re.sub(r"//.*|\$\w+", " ", text)
    for listening in (sound_nets.programs()[-2], next(sound_nets.detecting_programs())):
        golden = sound_nets.inputs_of(listening)[:24]
        sound = codegen.generate(listening, "my_own_net", golden)
        files |= {f"sound_{len(files)}_{name}": text for name, text in sound.items()}
    for program in map_nets.programs():
        texts = codegen.generate(program, "my_own_net", map_nets.maps(program, 1))
        files |= {f"{program.name}_{name}": text for name, text in texts.items()}
    found = set()
    for text in files.values():
        code = re.sub(r'"[^"\n]*"|\'[^\'\n]*\'', " ", without_comments(text))
        code = re.sub(r"^#.*$", " ", code, flags=re.MULTILINE)
        code = re.sub(r"(\.|->)\w+", " ", code)  # fields of a struct have names of their own
        found |= set(re.findall(r"\b[a-z][a-z0-9_]*\b", code))
    found = {word for word in found if not word.startswith("my_own_net")}
    assert {"ops", "add_output", "keep", "arena", "fwrite", "sound", "keyword", "setup"} <= found
    accepted = []
    for word in sorted(found):
        with contextlib.suppress(ProgramError):
            codegen.generate(PROGRAM, word, INPUTS)
            accepted.append(word)
    assert accepted == []


def test_what_the_c_library_declares_is_refused_as_a_name(toolbox, tmp_path):
    """Oracle: the functions and macros of the C99 headers, as a compiler lists them."""
    cc = toolbox.need("gcc")
    source, listed = tmp_path / "all.c", tmp_path / "functions"
    source.write_text("".join(f"#include <{name}.h>\n" for name in C99.split()))
    macros = run([cc, "-std=c99", "-dM", "-E", source]).decode()
    run([cc, "-std=c99", "-aux-info", listed, "-fsyntax-only", source])
    functions = re.sub(r"/\*.*?\*/", "", listed.read_text())
    found = {*re.findall(r"^#define ([a-z]\w*)", macros, re.MULTILINE)}
    found |= {*re.findall(r"\b([a-z]\w*)\)* \(", functions)}
    assert len(found) > 450
    assert {word for word in found if c_name(word) == word} == set()


def test_ordinary_names_are_taken():
    for name in ("x" * 63, "lenet", "model", "net", "digits_v2", "layer", "c", "weights"):
        assert (
            f"extern const dpt_model {name};"
            in codegen.generate(PROGRAM, name, INPUTS)[f"{name}.h"]
        )


def test_a_self_test_without_inputs_is_refused():
    with pytest.raises(ProgramError, match="at least one input; there are 0"):
        codegen.generate(PROGRAM, "net", INPUTS[:0])


def test_the_numbers_are_those_of_the_header():
    header = (INCLUDE / "drypoint.h").read_text("utf-8")
    assert re.search(rf"#define DPT_CODEGEN +{codegen.CODEGEN_VERSION}\n", header)
    assert (
        f"#if DPT_CODEGEN != {codegen.CODEGEN_VERSION}\n"
        in codegen.generate(PROGRAM, "net", INPUTS)["net.h"]
    )


def test_comments_hold_any_name():
    """Names neither open nor close a comment: without comments, the code is equal for all names,
    but for the numbers of the program and of the export, which are of all bytes."""
    names = ["*/ int x;", "/* deep", "*/*/*", "a\nb", "/*/"]
    ops = tuple(dataclasses.replace(op, name=names[i % 5]) for i, op in enumerate(PROGRAM.ops))
    odd = dataclasses.replace(PROGRAM, name="*/ /*", ops=ops)
    plain = codegen.generate(PROGRAM, "net", INPUTS)
    for file, text in codegen.generate(odd, "net", INPUTS).items():
        for comment in re.findall(r"/\*(.*?)\*/", text, flags=re.DOTALL):
            assert "/*" not in comment
        code = [
            re.sub(NUMBERS, "", without_comments(source)).split() for source in (text, plain[file])
        ]
        assert code[0] == code[1]


def initializers(text):
    """The fields of each op's initializer: name -> the text of its value."""
    body = re.search(r"static const dpt_op ops\[\d+\] = \{\n(.*?)\n\};", text, re.DOTALL)[1]
    found = []
    for entry in re.findall(r"\n    \{\n(.*?)\n    \},", "\n" + without_comments(body), re.DOTALL):
        pairs = re.findall(r"\.(\w+) = (\{.*?\}|[^,]+),", " ".join(entry.split()))
        assert len(dict(pairs)) == len(pairs)
        found.append(dict(pairs))
    return found


def fields_in_c(program):
    """Of each op the fields that the C library reads from the program's blob, as generated C would
    spell them; tables are True.
    """
    data = blob.dumps(program)
    n, memory = len(program.ops), ffi.from_buffer(data)
    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n)
    assert lib.dpt_model_load(model, ops, n, memory, len(data)) == lib.DPT_OK
    found = []
    for op in ops:
        fields = {}
        for name, _ in ffi.typeof("dpt_op").fields:
            value = getattr(op, name)
            if name in ("in", "in2", "out"):
                kind = ("DPT_U8", "DPT_I8", "DPT_I32")[value.type]
                text = f"{{{value.h}, {value.w}, {value.c}, {kind}, {value.zero}}}"
                fields[name] = text if value.h else None
            elif name in ("reads", "factors"):
                fields[name] = tuple(value)
            elif isinstance(value, int):
                fields[name] = value
            else:
                fields[name] = value != ffi.NULL
        found.append(fields)
    return found


def test_every_op_is_initialized_with_what_its_blob_holds():
    """Oracle: the C library's loader. A field that is not written is 0."""
    fills = set()
    for program in [*map(nets.random_program, range(80)), *stream_nets.streams(range(6))]:
        golden = nets.random_inputs(program, 1, n=program.clocks[-1].first + 3)
        text = codegen.generate(program, "net", golden)["net.c"]
        for i, (fields, wanted) in enumerate(
            zip(initializers(text), fields_in_c(program), strict=True)
        ):
            del wanted["last_reader"]  # of the loader alone
            assert set(fields) <= set(wanted)
            for name, value in wanted.items():
                came = fields.get(name)
                if name in ("in", "in2", "out"):
                    assert came == value, name
                elif name in ("reads", "factors"):
                    numbers = [int(n) for n in re.findall(r"\d+", came or "")]
                    assert (*numbers, 0, 0)[:2] == value, name
                elif isinstance(value, bool):
                    assert came == (f"{name}{i}" if value else None), name
                elif name == "kind":
                    assert getattr(lib, came) == value
                elif name == "marks":
                    marks = ("DPT_IN_PLACE", "DPT_FUSED")
                    has = [mark for bit, mark in enumerate(marks) if value >> bit & 1]
                    assert came == (" | ".join(has) or None)
                else:
                    numbers = {None: 0, "INT32_MIN": -(2**31)}
                    assert (numbers[came] if came in numbers else int(came)) == value, name
                fills.add(name) if came is not None else None
    assert fills == set(wanted) - {"packed"}


@cache
def random_net(seed, kernels="scalar"):
    """A random program and the text of its C file."""
    program = nets.random_program(seed)
    files = codegen.generate(program, "net", nets.random_inputs(program, 1), kernels=kernels)
    return program, files["net.c"]


def backend_of(text):
    """The kernels that the model's own backend names: kind -> function."""
    return dict(re.findall(r"\[DPT_(\w+)\] = (dpt_\w+)", text))


def runs_as(op):
    """The kernel that dpt_run.c picks: that of grouped convolutions for a dilated convolution."""
    plain = not isinstance(op, Conv) or op.dilation == (1, 1)
    return op.kind if plain else "grouped"


def is_single(op, chosen):
    """Whether the kernel for packed ops with one output a channel, and no pool, computes the op."""
    return bool(packing.pack(op, chosen)) and (op.multiplier, op.pool) == (1, (1, 1))


def test_the_backend_has_the_kernels_of_the_programs_ops_and_no_other():
    seen = set()
    for seed in range(60):
        for kernels in packing.KERNEL_SETS:
            program, text = random_net(seed, kernels)
            wanted = {}
            for kind in map(runs_as, program.ops):
                chosen = packing.kernel_set(kernels)
                own = kind in ("conv", "dense", "depthwise")
                elementwise = ("add", "maxpool", "avgpool")
                simd = chosen.quads is not None
                own = own or kind == "grouped" or (kind in ("mul", *elementwise) and simd)
                values = ("concat", "lookup", "mul", "resize", *elementwise)
                own = own or (kernels == "mve" and kind in values)
                backend = chosen.backend if own else "dpt_scalar"
                runs = "conv" if kind == "grouped" and simd else kind
                size = f"_{chosen.size}" * bool(own and chosen.size)
                wanted[kind.upper()] = f"{backend}{size}_{runs}"
            if kernels == "mve":  # test_packing_mve.py: kernels of some convolutions
                some = {"conv": ("conv", "windows", "pixels"), "depthwise": ("depthwise", "tiles")}
                for kind, names in some.items():
                    name = backend_of(text).get(kind.upper())
                    assert name in (None, *(f"dpt_mve_{kernel}" for kernel in names))
                    wanted |= {kind.upper(): name} if name else {}
            elif (chosen.backend == "dpt_blocks" or kernels == "dsp") and all(
                is_single(op, chosen) for op in program.ops if op.kind == "depthwise"
            ):
                wanted |= {k: chosen.kernel("single") for k in wanted if k == "DEPTHWISE"}
            assert backend_of(text) == wanted
        seen |= {op.kind + ">" + runs_as(op) for op in program.ops}
    assert {"conv>conv", "conv>grouped", "lookup>lookup", "depthwise>depthwise"} <= seen


@pytest.mark.parametrize("kernels", packing.KERNEL_SETS)
def test_packed_ops_have_their_words_and_no_tables(toolbox, kernels):
    """Ops that the kernels do not pack keep their tables."""
    chosen, packed_kinds = packing.kernel_set(kernels), set()
    for seed in range(toolbox.count(every_day=80, ci=120)):
        program, text = random_net(seed, kernels)
        for i, (op, fields) in enumerate(zip(program.ops, initializers(text), strict=True)):
            table = packing.pack(op, chosen)
            assert ("packed" in fields) == bool(table)
            if not table:
                assert ("weight" in fields) == hasattr(op, "weight")
                continue
            packed_kinds.add(type(op))
            assert not {"weight", "bias", "mult"} & set(fields)
            assert ("pad" in fields) == (getattr(op, "pad", None) is not None)
            words = re.search(rf"packed{i}\[\] DPT_IN_TABLE = {{(.*?)}};", text, re.DOTALL)[1]
            values = [int(word, 16) for word in re.findall(r"0x(\w+)u", words)]
            assert np.array(values, "<u4").tobytes() == table
    wanted = {Conv, Dense, DepthwiseConv, GroupedConv}
    assert packed_kinds == (set() if kernels in ("scalar", "plain") else wanted)


def test_the_tables_are_the_programs_bytes():
    """Weights as numbers; lookups and padding values as stored bytes; int32 by DPT_LE32."""
    seen = set()
    for seed in range(40):
        program, text = random_net(seed)
        for i, op in enumerate(program.ops):
            for name in ("weight", "table", "bias", "mult", "pad"):
                values = getattr(op, name, None)
                found = re.search(rf" {name}{i}\[\] DPT_IN_TABLE = {{(.*?)}};", text, re.DOTALL)
                assert (found is not None) == (values is not None)
                if values is None:
                    continue
                seen.add((name, values.dtype.name))
                words = found[1].replace("DPT_LE32", "").replace("INT32_MIN", str(-(2**31)))
                as_numbers = name == "weight" or values.dtype == np.int32
                stored = values if as_numbers else values.view(np.uint8)
                numbers = [int(n) for n in re.findall(r"-?\d+", words)]
                assert numbers == stored.ravel().tolist(), (name, op)
    assert {("table", "int32"), ("table", "int8"), ("pad", "int8"), ("pad", "uint8")} <= seen


def test_the_header_has_the_inputs_zero_point():
    program = next(p for p in map(nets.random_program, range(99)) if p.input.zero < 0)
    text = codegen.generate(program, "net", nets.random_inputs(program, 1))["net.h"]
    assert f"#define NET_INPUT_ZERO   ({program.input.zero})\n" in text
    program = next(p for p in map(nets.random_program, range(99)) if p.input_type == "u8")
    text = codegen.generate(program, "net", nets.random_inputs(program, 1))["net.h"]
    assert "#define NET_INPUT_ZERO   0\n" in text
