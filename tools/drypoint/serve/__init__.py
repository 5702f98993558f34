"""A page to draw on, to speak to or to drop recordings on: the C engine answers in the browser.

    page = serve.make_page(program, examples=test, model=model)  # one HTML document
    serve.make_server(page, program, model=model).serve_forever()  # on this machine

The design:

* **The page is one HTML file**, with engine, program, script, style inside. It requests nothing
  (its content security policy forbids that), opens from a disk, and any static host serves it.
* **The engine is the C engine**: the page calls `engine.c` beside this file. ``engine.wasm`` is
  built from it and from engine_c by ``make wasm`` and comes with the package, so that a user
  needs no clang; a test compares it with a fresh build. It has the plain kernels only: 45 KB.
* **A program that is dropped** goes through the engine's loader, as on a device. Names and labels,
  which the engine does not read, are checked in JavaScript.
* **Sound**: samples go through `dpt_listen`, in the portions in which they come. The front end runs
  a second time for the features that the page draws, which `dpt_listen` keeps to itself.
* **Signals**: rows of a CSV file become integers in JavaScript, by the border of NUMERICS.md, and
  go through the engine in windows, or row by row.
* **Tasks** name what their page adds (`Task.page_part`): a script that knows the outputs.
* **Floats**: the float net is not in the page (LeNet's weights are 1.7 MB of floats, and a second
  engine in JavaScript would be needed, with its own errors). Its outputs for the test pictures of
  the page are computed when the page is made. While ``drypoint serve MODEL`` runs, the page asks it
  for the float net's outputs of every drawing (``POST float``), which `nn.Model` computes.
"""

from ._page import BuildError as BuildError
from ._page import ServeError as ServeError
from ._page import build_engine as build_engine
from ._page import make_page as make_page
from ._page import shipped_engine as shipped_engine
from ._page import update_shipped_engine as update_shipped_engine
from ._server import make_server as make_server
