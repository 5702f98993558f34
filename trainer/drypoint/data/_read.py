"""Data sets from a folder or a file of any form that drypoint reads."""

from pathlib import Path

from drypoint.common import READ_LIMIT

from ._errors import DatasetError
from ._folder import folder_splits
from ._idx_files import idx_splits, is_idx_file, is_idx_folder
from ._npz import npz_splits
from ._splits import Splits


def read(
    source: str | Path,
    *,
    width: int | None = None,
    height: int | None = None,
    color: str | None = None,
    resize: str = "stretch",
    limit: int = READ_LIMIT,
) -> Splits:
    """The data set in a folder or file, which may be untrusted, in the parts that it names.

    | source | read as |
    |---|---|
    | a folder with a subfolder of pictures for each class | `load_folder` |
    | a folder with subfolders train, test (and val) of that form | parts |
    | a folder with IDX files, gzip or not, as of MNIST | parts, by train and t10k in their names |
    | an ``.npz`` file with the arrays x and y, or x_train, y_train, x_test, y_test | parts |
    | an IDX file of images, its labels beside it | one part |

    Args:
        source: the folder or the file.
        width: width in pixels to which pictures are resized; None: their own if all have one size
            up to 64 x 64, else 32.
        height: height in pixels; given if ``width`` is.
        color: "gray" or "rgb" for pictures; None: "rgb" if a training picture has a pixel that is
            not gray.
        resize: the method that resizes pictures, as for `ImageEncoder`.
        limit: bytes of memory that one picture or one file may take while it is decoded.

    Raises:
        DatasetError: there is no such folder or file, or it holds no data set.
        DrypointError: a file cannot be read; the message names it.
    """
    path = Path(source)
    if path.is_dir() and not is_idx_folder(path):
        options = {"width": width, "height": height}
        return folder_splits(path, **options, color=color, resize=resize, limit=limit)
    if path.is_dir() or is_idx_file(path):
        return idx_splits(path, limit=limit)
    if path.suffix.lower() == ".npz":
        return npz_splits(path, limit=limit)
    if not path.exists():
        raise DatasetError(f"there is no folder or file {path}")
    raise DatasetError(
        f"{path} is no data set that is read: a folder with a subfolder of pictures for each "
        "class, an .npz file of arrays x and y, or IDX files"
    )
