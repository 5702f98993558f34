"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {
    "ImageFolder": "load_folder",
}

_ENCODER = "ImageEncoder(width=, height=, mean=, std=) scales pixels, for the net and on the device"
MODULE_HINTS: Names = {
    "image_dataset_from_directory": "it is load_folder(root)",
    "DataLoader": "train.fit draws batches from a Dataset or a pair (x, y)",
    "TensorDataset": "train.fit takes a pair (x, y)",
    "MNIST": 'it is data.load("mnist", "train") and data.load("mnist", "test")',
    "mnist": 'it is data.load("mnist", "train") and data.load("mnist", "test")',
    "load_data": 'it is data.load("mnist", "train") and data.load("mnist", "test")',
    "load_mnist": 'it is data.load("mnist", "train") and data.load("mnist", "test")',
    "load_digits": 'it is data.load("mnist", "train") and data.load("mnist", "test")',
    "ToTensor": _ENCODER,
    "Normalize": _ENCODER,
    "Rescaling": _ENCODER,
    "Resize": _ENCODER,
    "StandardScaler": _ENCODER,
    "transforms": f"{_ENCODER}; data.augment distorts training images",
    "random_split": "it is train_val_split(dataset, size)",
    "train_test_split": "it is train_val_split(dataset, size); test data stay a set of their own",
    "LabelEncoder": "it is ClassEncoder(classes)",
    "OneHotEncoder": "it is ClassEncoder(classes)",
    "to_categorical": "train.fit takes class indices as well as one-hot rows",
}
DATASET_HINTS: Names = {
    "images": "they are x",
    "data": "the inputs are x",
    "labels": "they are y, the index of each example's class in classes",
    "targets": "they are y, the index of each example's class in classes",
    "shape": "it is x.shape",
}
LOAD = Arguments(
    hints={
        "train": 'it is split, "train" or "test"',
        "download": "leave it out: data.load finds the files, and stores what it downloads",
    },
)
READ = Arguments(
    hints={"size": "width and height are keywords: read(folder, width=32, height=32)"},
    too_many="width and height are keywords: read(folder, width=32, height=32)",
)
_SIZE = "width and height are keywords: ImageEncoder(width=28, height=28)"
IMAGE_ENCODER = Arguments(
    hints={
        "size": _SIZE,
        "shape": _SIZE,
        "image_size": _SIZE,
        "width": _SIZE,
        "height": _SIZE,
        "channels": 'it is color, "gray" or "rgb"',
        "scale": "pixels are divided by 255; mean and std count after that",
    },
    too_many=_SIZE,
)
