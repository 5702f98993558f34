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
    "add_output app_main arena at available begin begin_microphone bits checksum compare counts "
    "crcs decisions error exponent failed found fraction fread fwrite i input inputs integer k "
    "keep kernels keyword label labels listen_selftest loop main memcpy memory memset microphone "
    "most n name nearest next op ops output outputs p portion printf progress read_samples report "
    "rest result samples scores selftest setup size size_t sound sound_bins sound_factors "
    "sound_split sound_twiddles sound_weights status stdin stdout step there trace user "
    "write_output wrong wrong_op x"
)
# The C99 library's functions, macros and types. Functions of real numbers end in f and l too,
# those that begin with c have complex numbers.
COMPLEX = "acos acosh asin asinh atan atanh cos cosh exp log pow sin sinh sqrt tan tanh"
REAL = (
    "atan2 cabs carg cbrt ceil cimag conj copysign cproj creal erf erfc exp2 expm1 fabs fdim "
    "floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log10 log1p log2 logb "
    "lrint lround modf nan nearbyint nextafter nexttoward remainder remquo rint round scalbln "
    "scalbn tgamma trunc"
)
LIBRARY = (
    "abort abs asctime atexit atof atoi atol atoll bsearch btowc calloc clearerr clock clock_t "
    "ctime difftime div div_t double_t exit fclose feclearexcept fegetenv fegetexceptflag "
    "fegetround feholdexcept fenv_t feof feraiseexcept ferror fesetenv fesetexceptflag fesetround "
    "fetestexcept feupdateenv fexcept_t fflush fgetc fgetpos fgets fgetwc fgetws float_t fopen "
    "fpclassify fpos_t fprintf fputc fputs fputwc fputws free freopen fscanf fseek fsetpos ftell "
    "fwide fwprintf fwscanf getc getchar getenv gets getwc getwchar gmtime imaxabs imaxdiv "
    "imaxdiv_t isalnum isalpha isblank iscntrl isdigit isfinite isgraph isgreater isgreaterequal "
    "isinf isless islessequal islessgreater islower isnan isnormal isprint ispunct isspace "
    "isunordered isupper iswalnum iswalpha iswblank iswcntrl iswctype iswdigit iswgraph iswlower "
    "iswprint iswpunct iswspace iswupper iswxdigit isxdigit jmp_buf labs ldiv ldiv_t llabs lldiv "
    "lldiv_t localeconv localtime longjmp malloc math_errhandling mblen mbrlen mbrtowc mbsinit "
    "mbsrtowcs mbstate_t mbstowcs mbtowc memchr memcmp memmove mktime offsetof perror ptrdiff_t "
    "putc putchar puts putwc putwchar qsort raise rand realloc remove rename rewind scanf setbuf "
    "setlocale setvbuf sig_atomic_t signbit snprintf sprintf srand sscanf stderr strcat strchr "
    "strcmp strcoll strcpy strcspn strerror strftime strlen strncat strncmp strncpy strpbrk "
    "strrchr strspn strstr strtod strtof strtoimax strtok strtol strtold strtoll strtoul strtoull "
    "strtoumax strxfrm swprintf swscanf system time_t tmpfile tmpnam tolower toupper towctrans "
    "towlower towupper ungetc ungetwc va_arg va_copy va_end va_list va_start vfprintf vfscanf "
    "vfwprintf vfwscanf vprintf vscanf vsnprintf vsprintf vsscanf vswprintf vswscanf vwprintf "
    "vwscanf wcrtomb wcscat wcschr wcscmp wcscoll wcscpy wcscspn wcsftime wcslen wcsncat wcsncmp "
    "wcsncpy wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstod wcstof wcstoimax wcstok wcstol "
    "wcstold wcstoll wcstombs wcstoul wcstoull wcstoumax wcsxfrm wctob wctomb wctrans wctrans_t "
    "wctype_t wint_t wmemchr wmemcmp wmemcpy wmemmove wmemset wprintf wscanf"
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
NUMBERED = re.compile(
    r"(weight|table|bias|mult|pad|packed)[0-9]+|kernel_[a-z]+|u?int(_least|_fast)?[0-9]+_t|u?int(max|ptr)_t"
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
    return name in TAKEN or NUMBERED.fullmatch(name) is not None or name.startswith("dpt")
