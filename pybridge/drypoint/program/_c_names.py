"""Which names the generated C may give to a model: none that C, C++, boards or its files use."""

import re

from ._tensors import ProgramError

KEYWORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl "
    "concept const const_cast consteval constexpr constinit continue co_await co_return "
    "co_yield decltype default delete do double dynamic_cast else enum explicit export extern "
    "false float for friend goto if inline int long mutable namespace new noexcept not not_eq "
    "nullptr operator or or_eq private protected public register reinterpret_cast requires "
    "restrict return short signed sizeof static static_assert static_cast struct switch "
    "template this thread_local throw true try typedef typeid typename union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq"
)
# What model.c, selftest.c, the sketches and a driver of the model declare or use, and the files and
# names of the C library that they include. A test takes these from the generated text.
DECLARED = (
    "add_output app_main arena at available begin begin_camera begin_microphone bits "
    "box_checksums box_edge box_numbers boxes camera_config camera_config_t camera_fb_t "
    "camera_frame checksum compare counts crcs cutoffs decisions error esp_camera_fb_get "
    "esp_camera_fb_return esp_camera_init exponent failed fill_input found fraction frame_height "
    "frame_width fread from_column from_row fwrite i input inputs integer is_wide j k "
    "keep kernels keyword label labels listen_selftest loop main memcpy memory memset microphone "
    "middle_height middle_width most n nearest next op ops output outputs p portion printf "
    "progress read_picture read_samples rest result samples scores selftest setup sign_flip size "
    "size_t sound sound_bins sound_factors sound_split sound_twiddles sound_weights status stdin "
    "stdout step there to_input trace user write_output wrong wrong_boxes wrong_op x y"
)
# The C99 library's functions, macros and types: families of names, functions of real numbers, which
# end in f and l too, and of complex numbers, which begin with c, and all others.
FAMILIES = (
    r"v?(f|s|sn|w|fw|sw)?(print|scan)f|f?(get|put)w?(c|s|char)|ungetw?c|w?mem(chr|cmp|cpy|move|set)"
    r"|(str|wcs)(n?(cat|cmp|cpy)|r?chr|coll|cspn|ftime|len|pbrk|spn|str|tok|xfrm)"
    r"|(str|wcs)to(d|f|ld|u?ll?|[iu]max)|ato[fil]|atoll|va_(arg|copy|end|list|start)"
    r"|isw?(alnum|alpha|blank|cntrl|ctype|digit|graph|lower|print|punct|space|upper|xdigit)"
    r"|is(finite|greater(equal)?|inf|less(equal|greater)?|nan|normal|unordered)"
    r"|fe(clear|get|hold|raise|set|test|update)(env|except|exceptflag|round)"
    r"|(l|ll|imax)?(abs|div)|(asc|c|gm|local|mk)time|f?[gs]etpos|[cm]alloc|realloc"
    r"|(clock|l?l?div|imaxdiv|double|fenv|fexcept|float|fpos|mbstate|ptrdiff|sig_atomic|time)_t"
    r"|(wctrans|wctype|wint)_t|tow?(ctrans|lower|upper)|mbs?r?towcs?|wcs?r?tombs?|mbr?len"
)
COMPLEX = "acos acosh asin asinh atan atanh cos cosh exp log pow sin sinh sqrt tan tanh"
REAL = (
    "atan2 cabs carg cbrt ceil cimag conj copysign cproj creal erf erfc exp2 expm1 fabs fdim "
    "floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log10 log1p log2 logb "
    "lrint lround modf nan nearbyint nextafter nexttoward remainder remquo rint round scalbln "
    "scalbn tgamma trunc"
)
LIBRARY = (
    "abort atexit bsearch btowc clearerr clock difftime exit fclose feof ferror fflush fopen "
    "fpclassify free freopen fseek ftell fwide getenv jmp_buf localeconv longjmp math_errhandling "
    "mbsinit offsetof perror qsort raise rand remove rename rewind setbuf setlocale setvbuf "
    "signbit srand stderr strerror system tmpfile tmpnam wctob wctrans"
)
# What systems of boards call or define: newlib, Arduino, namespaces of C++, ESPHome's component.
BOARDS = (
    "access alloca arduino bit boolean byte chdir chmod cli close connect constrain degrees delay "
    "dup environ esp32 esphome execve exp10 fcntl ffs fork fstat gamma getpid gettimeofday "
    "i2s_audio index init interrupts ioctl isatty itoa j0 j1 jn kill link listen logger lseek map "
    "max mbed micros millis min open pause pipe poll pow10 radians random read recv rindex rtos "
    "sbrk sched sei select send sincos sleep socket sq stat std strdup sync tone truncate unlink "
    "wait word write y0 y1 yield yn"
)
# Files of these names would hide the headers of the C library or, where capitals do not count, of
# Arduino.
HEADERS = (
    "assert client complex ctype drypoint errno fenv float inttypes iso646 limits locale malloc "
    "math print printable pthread server setjmp signal spi stdarg stdbool stddef stdint stdio "
    "stdlib stream string strings tgmath time udp unistd wchar wctype wire"
)
# CMake has targets of these names; Windows has no files of the others, whatever their extension.
TARGETS = "all clean edit_cache help install preinstall rebuild_cache test"
DEVICES = "aux con nul prn"
TAKEN = frozenset(
    f"{KEYWORDS} {DECLARED} {LIBRARY} {BOARDS} {HEADERS} {TARGETS} {DEVICES}".split()
) | {
    prefix + word + suffix
    for prefix, words in (("", COMPLEX), ("c", COMPLEX), ("", REAL))
    for word in words.split()
    for suffix in ("", "f", "l")
}
PATTERNS = re.compile(
    rf"{FAMILIES}|(weight|table|bias|mult|pad|packed)[0-9]+|kernel_[a-z]+|u?int(_least|_fast)?[0-9]+_t|u?int(max|ptr)_t"
    r"|(com|lpt)[0-9]"
)
LONGEST = 63  # characters: of an Arduino library's name, and of an identifier that C99 tells apart


def c_name(text: str) -> str:
    """A name that generated C may have, from any text: ``my_net`` from "My-Net" or "9 my-net"."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_").lstrip("0123456789_")[:LONGEST]
    if not name or _is_taken(name):
        name = f"my_{name}"[:LONGEST] if name else "net"
    return name


def check_c_name(name: str) -> None:
    """Refuse what cannot name a model and its files.

    Raises:
        ProgramError: no lower-case C identifier of at most 63 characters, or one that is taken.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ProgramError(
            f"{name!r} cannot name C files: start with a lower-case letter and use only lower-case "
            f"letters, digits and _, such as {c_name(str(name))}"
        )
    if len(name) > LONGEST:
        raise ProgramError(
            f"{name[:20]!r}... cannot name C files: it has {len(name):,} characters; wanted: at "
            f"most {LONGEST}"
        )
    if _is_taken(name):
        raise ProgramError(
            f"{name!r} cannot name C files: C, a board's system or the generated code uses it "
            f"already; take another, such as my_{name}"
        )


def _is_taken(name: str) -> bool:
    return name in TAKEN or PATTERNS.fullmatch(name) is not None or name.startswith("dpt")
