"""An exported library and its package, for the tests of forms and manifests."""

from drypoint import forms

STATED = forms.Package(
    version="1.2.3",
    licence="MIT",
    author="Jane & Joe Doe",
    contact="jane@example.org",
    url="https://example.org/net",
    description='Tells "yes" from <no>: a net & its engine',  # quotes of JSON, YAML and XML
)
# Arduino.h and a core for this computer: they print to the terminal, and delay() ends the program.
ARDUINO = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Port {
    void begin(long) {}
    void print(const char *s) { fputs(s, stdout); }
    void println(const char *s) { puts(s); }
    void println(int n) { printf("%d\\n", n); }
};
extern Port Serial;
inline void delay(int) { exit(0); }
void setup();
void loop();
"""
MAIN = "Port Serial;\nint main() { setup(); loop(); }\n"


def model_parts(name="net", **facts):
    """A model of the given facts; a fact that is left out has the value here."""
    values = {
        "model": {f"{name}.c": "the tables", f"{name}.h": "the header"},
        "selftest": "the self-test",
        "macs": 1000,
        "weights": 100,
        "memory": (("RAM, arena", "10 bytes"),),
        "ram": 10,
        "pixels": False,
        "streaming": False,
        "reads": "What goes in.",
        "writes": "What comes out.",
    }
    return forms.ModelParts(name=name, **{**values, **facts})


def library_parts(models, *, name="net", engine=None, package=STATED):
    """A library of these models; `engine` is file name -> text."""
    return forms.Parts(
        name=name,
        drypoint="0.1.0",
        models=models,
        engine=engine
        or {"drypoint.h": "h", "drypoint_kernels.h": "h", "drypoint.hpp": "hpp", "dpt_run.c": "c"},
        engine_licence="the licence",
        package=package,
    )
