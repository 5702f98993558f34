"""A C compiler that compiles equal text with equal flags once in a test run.

`install` puts it on PATH before all C compilers, under their names, so that tests, commands of
drypoint, and CMake share objects. The compiler preprocesses, and compiles text that is new. A
source with an error or a warning is left to the compiler, beside the objects of the others. Calls
that do not only compile C files run the compiler with all arguments.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = re.compile(r"cc|(\S+-)?gcc|clang(-\d+)?")
# Options that write other files than objects and programs, or that this parser does not know.
OTHER = re.compile(
    r"-|-E|-S|-M|-MM|-fsyntax-only|-x.*|-X.*|-specs.*|--param|-save-temps.*|@.*"
    r"|--coverage|-fprofile.*|-flto.*|-fcallgraph-info.*|-###|.*\.(cc|cpp|S|s)"
)
WITH_VALUE = re.compile(r"-([IDULlTeuo]|include|isystem|iquote|MF|MT|MQ)")
PREPROCESSOR = re.compile(r"-([IDU].*|include|isystem.*|iquote.*|M(D|MD|P|F|T|Q))")
DEPENDENCIES = re.compile(r"-M(D|MD|P|F|T|Q)")
LINKER = re.compile(  # GCC and clang compile equal objects with and without these options
    r"-(Wl,.*|[lLTeu].*|nostdlib|nostartfiles|static|r|s|shared|fuse-ld=.*|-ld-path=.*)"
)
# Starts some thousand times: without site-packages.
SCRIPT = """#!{} -ISE
import sys
sys.path.insert(0, {!r})
import compile_once
compile_once.main()
"""


def install(folder: Path) -> str:
    """A PATH with it before the compilers; `folder` is for it and its objects."""
    names, places = folder / "bin", os.environ["PATH"].split(os.pathsep)
    names.mkdir(parents=True, exist_ok=True)
    found = {path.name for p in places if Path(p).is_dir() for path in Path(p).iterdir()}
    for name in filter(NAMES.fullmatch, found):
        script = names / name
        if not script.exists():
            script.write_text(SCRIPT.format(sys.executable, str(Path(__file__).parent)))
            script.chmod(0o755)
    return os.pathsep.join([str(names), *places])


def main() -> None:
    """Run a compile command, or take its objects from the cache; `install`'s scripts call it."""
    script = Path(sys.argv[0]).absolute()
    places = os.environ["PATH"].split(os.pathsep)
    at = places.index(str(script.parent)) if str(script.parent) in places else -1
    compiler = shutil.which(script.name, path=os.pathsep.join(places[at + 1 :]))
    if compiler is None:
        sys.exit(f"{script.name} is not on PATH behind {script.parent}")
    words: list[str] | None = with_objects(compiler, sys.argv[1:], script.parent.parent)
    if words is None or words:
        os.execv(compiler, [compiler, *(words or sys.argv[1:])])


def with_objects(compiler: str, words: list[str], folder: Path) -> list[str] | None:
    """The words with objects in place of sources without complaints, for the linker; none, if the
    words request only objects; None, if the compiler has to compile all sources itself."""
    if any(OTHER.fullmatch(word) for word in words):
        return None
    sources, flags, preprocessor, output, linked = [], [], [], "", list(words)
    left = iter(words)
    for word in left:
        group = [word, next(left, "")] if WITH_VALUE.fullmatch(word) else [word]
        if word == "-o":
            output = group[-1]
        elif PREPROCESSOR.fullmatch(word):
            preprocessor.append(group)
        elif word.endswith(".c") and not word.startswith("-"):
            sources.append(word)
        elif word.startswith("-") and word != "-c" and not LINKER.fullmatch(word):
            flags += group
    if not sources or (output and "-c" in words and len(sources) > 1):
        return None
    for source in sources:
        found = the_object(compiler, flags, preprocessor, source, folder)
        if found is None and "-c" in words:
            return None
        if found is None:
            continue  # the compiler says of this source alone what it has to say
        if "-c" in words:
            shutil.copyfile(found, output or f"{Path(source).stem}.o")
        linked[linked.index(source)] = str(found)
    return [] if "-c" in words else linked


def the_object(
    compiler: str, flags: list[str], preprocessor: list[list[str]], source: str, folder: Path
) -> Path | None:
    """The object of a source; None where the compiler complains, or reads a file unseen."""
    reads = [word for group in preprocessor for word in group]
    text = output_of([compiler, *flags, *reads, "-E", "-P", source])
    if text is None or b".incbin" in text:
        return None
    key = "\0".join([str(Path(compiler).resolve()), *flags, ""]).encode() + text
    path = folder / f"{hashlib.sha256(key).hexdigest()[:32]}.o"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            plain = [w for group in preprocessor if not DEPENDENCIES.match(group[0]) for w in group]
            if output_of([compiler, *flags, *plain, "-c", source, "-o", str(part)]) is None:
                return None
            part.rename(path)
    return path


def output_of(command: list[str]) -> bytes | None:
    """The output of a command; None if it fails or warns."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return None if done.returncode or done.stderr else done.stdout
