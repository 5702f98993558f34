"""Names of other frameworks in this part: aliases, which work, and hints, which say what to write.

`drypoint.common.module_getattr` and `accept` use the tables; CONTRIBUTING.md has the rule.
"""

from collections.abc import Mapping

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {
    "Dense": "Linear",
    "LazyLinear": "Linear",
    "Conv1D": "Conv1d",
    "Conv2D": "Conv2d",
    "Convolution2D": "Conv2d",
    "LazyConv2d": "Conv2d",
    "LazyBatchNorm1d": "BatchNorm1d",
    "LazyBatchNorm2d": "BatchNorm2d",
    "Conv2DTranspose": "ConvTranspose2d",
    "LazyConvTranspose2d": "ConvTranspose2d",
    "UpsamplingNearest2d": "Upsample",
    "UpSampling2D": "Upsample",
    "MaxPooling1D": "MaxPool1d",
    "MaxPooling2D": "MaxPool2d",
    "MaxPool2D": "MaxPool2d",
    "AveragePooling2D": "AvgPool2d",
    "AvgPool2D": "AvgPool2d",
    "GlobalAveragePooling2D": "GlobalAvgPool2d",
    "GlobalAvgPool2D": "GlobalAvgPool2d",
    "LeakyRelu": "LeakyReLU",
    "Swish": "SiLU",
    "Concatenate": "Concat",
    "Multiply": "Mul",
    "L1Loss": "MAELoss",
    "BCELoss": "BinaryCrossEntropyLoss",
    "BinaryCrossentropy": "BinaryCrossEntropyLoss",
    "MeanSquaredError": "MSELoss",
    "MeanAbsoluteError": "MAELoss",
    "load_model": "load",
}

_NORM_HINT = "a BatchNorm1d or BatchNorm2d takes its place; quantize folds it into the weights"
_SHAPE_HINT = "give the shape to the net, channels first: Sequential(layers, input_shape=(C, H, W))"
_ATTENTION_HINT = "there is no attention; convolutions, of a wide kernel or dilated, take its place"

MODULE_HINTS: Names = {
    **dict.fromkeys(
        (
            *("LayerNorm", "LayerNormalization", "GroupNorm", "GroupNormalization", "RMSNorm"),
            *("InstanceNorm1d", "InstanceNorm2d"),
        ),
        _NORM_HINT,
    ),
    **dict.fromkeys(
        ("Attention", "MultiheadAttention", "MultiHeadAttention", "Transformer"), _ATTENTION_HINT
    ),
    "Activation": 'write the activation itself, nn.ReLU(), or its word in a list of layers, "relu"',
    "BatchNormalization": "it is BatchNorm2d for images, BatchNorm1d for vectors; its momentum is "
    "1 - that of Keras",
    **dict.fromkeys(
        ("ConvTranspose1d", "Conv1DTranspose"),
        "take ConvTranspose2d(O, (k, 1)) on images (C, L, 1)",
    ),
    "UpsamplingBilinear2d": 'it is Upsample(scale_factor, mode="bilinear", align_corners=True)',
    "Resizing": "it is Resize(size)",
    "DepthwiseConv2D": "write Conv2d(C, kernel_size, groups=C) for C channels",
    "SeparableConv2D": "write Conv2d(C, kernel_size, groups=C) for C channels, then Conv2d(O, 1)",
    **dict.fromkeys(
        ("Dropout2d", "SpatialDropout2D"),
        "Dropout drops single values; there is none of whole channels",
    ),
    **dict.fromkeys(
        ("RNN", "SimpleRNN"),
        "it keeps little of long signals; write GRU(hidden_size) or LSTM(hidden_size)",
    ),
    "Embedding": "there are no embeddings; OneHot encodes a class index",
    "Transpose": "it is Permute(axes), which counts the axes of one example",
    "Narrow": "it is Slice(axis, start, stop)",
    "Cropping1D": "it is Slice(1, start, stop)",
    "Cropping2D": "it is Slice(1, start, stop) for rows and Slice(2, start, stop) for columns",
    "Identity": "leave the layer out; a Graph connects past layers by names",
    **dict.fromkeys(("Input", "InputLayer"), _SHAPE_HINT),
    "SparseCategoricalCrossentropy": "it is CrossEntropyLoss, for indices and for one-hot rows",
    "CategoricalCrossentropy": "it is CrossEntropyLoss, for indices and for one-hot rows",
    "NLLLoss": "end the net in Softmax and take CrossEntropyLoss",
    "BCEWithLogitsLoss": "it is BinaryCrossEntropyLoss(from_logits=True)",
    "ModuleList": "give Sequential a list of layers, or a Graph layers by names",
    "ModuleDict": "give Sequential or Graph layers by names",
    "Parameter": "a layer names its parameters in param_names; docs/own-layer.md has an example",
    "ZeroPadding2D": "it is ZeroPad2d(n), or ZeroPad2d((left, right, top, bottom)) as in PyTorch",
    "functional": "a layer is a function: nn.ReLU()(x)",
    "save": "model.save(path) writes a model, nn.load(path) reads it",
    "save_model": "model.save(path) writes a model, nn.load(path) reads it",
    "fit": "it is train.fit(model, data)",
    "init": "net.initialize(method=..., seed=...) draws the weights",
}

MODEL_HINTS: Names = {
    "fit": "it is train.fit(model, data), whose result has the trained model",
    "train": "it is train.fit(model, data), whose result has the trained model",
    "compile": "leave it out: train.fit takes optimizer, loss and metrics",
    "eval": "leave it out: a net called by itself is never in training",
    "evaluate": "it is measure.measure(model, data)",
    "score": "it is measure.measure(model, data).accuracy",
    "forward": "call it: model(x) decides, model.predict_proba(x) gives the outputs",
    "predict_classes": "it is predict",
    "summary": "it is model.net.summary()",
    "layers": "they are model.net.layers",
    "parameters": "it is model.net.parameters(), an array for each path",
    "named_parameters": "it is model.net.parameters(), an array for each path",
    "state_dict": "it is model.net.parameters() and .buffers; interop.to_torch_state_dict(model) "
    "has PyTorch's names",
    "load_state_dict": "it is with_net(net.with_params(arrays)), which returns a new model",
    "get_weights": "it is model.net.parameters(), an array for each path",
    "weights": "it is model.net.parameters(), an array for each path",
    "to": "leave it out: everything runs on the CPU",
    "cuda": "leave it out: everything runs on the CPU",
    "quantize": "it is quant.quantize(model, quant.calibrate(model, images))",
    "export": "quant.quantize makes a program of it, engine.export_c writes C",
}
MODEL = Arguments(too_many="encoder and decoder are keywords: Model(net, encoder=..., decoder=...)")

NET_HINTS: Names = {
    "fit": "it is train.fit(net, data), whose result has the trained model",
    "train": "it is train.fit(net, data), whose result has the trained model",
    "compile": "leave it out: train.fit takes optimizer, loss and metrics",
    "eval": "leave it out: a net called by itself is never in training",
    "evaluate": "it is measure.measure(net, data)",
    "predict": "call it: net(x); a Model with a decoder decides",
    "predict_proba": "call it: net(x)",
    "named_parameters": "it is net.parameters(), an array for each path",
    "state_dict": "it is net.parameters() and .buffers; interop.to_torch_state_dict(net) has "
    "PyTorch's names",
    "load_state_dict": "it is net.with_params(arrays), which returns a new net",
    "get_weights": "it is net.parameters(), an array for each path",
    "weights": "it is net.parameters(), an array for each path",
    "weight": 'it is layer.param("weight"), of a net net.param("conv1.weight")',
    "children": "they are net.layers, by name",
    "modules": "they are net.leaves(), pairs of path and layer",
    "named_modules": "they are net.leaves(), pairs of path and layer",
    "zero_grad": "leave it out: train.fit takes the steps",
    "add": "a net is immutable: net + layer is a longer one",
    "append": "a net is immutable: net + layer is a longer one",
    "add_module": "a net is immutable: net + layer is a longer one",
    "save": "it is nn.Model(net).save(path), for a net with its encoder and decoder",
    "to": "leave it out: everything runs on the CPU",
    "cuda": "leave it out: everything runs on the CPU",
    "build": "it is net.bind(input_shape) or net.initialize(seed=...)",
    "filled": "it is net.initialize(seed=...)",
    "steps": "it is net.layer_shapes(input_shapes)",
}

LAYER_HINTS: Names = {
    "align_corners": 'it is alignment="align_corners", of Resize',
    "size": "it is scale_factor, 2 or (2, 3); an image of any size makes Resize(size)",
    "groups": "only convolutions have groups",
    "dilation": "only convolutions have a dilation",
    "activation": 'put the activation behind the layer, nn.ReLU() or "relu"',
    "input_shape": _SHAPE_HINT,
    "input_dim": "give the shape to the net: Sequential(layers, input_shape=(I,))",
    "kernel_initializer": "net.initialize(method=..., seed=...) draws the weights",
    "bias_initializer": "a bias starts as 0",
    "kernel_regularizer": "the optimizer has weight_decay",
    "padding_mode": "padding is always zeros",
    "data_format": "arrays have their channels first, (C, H, W)",
    "inplace": "leave it out: values are immutable, and a net computes in place where it can",
    "device": "leave it out: everything runs on the CPU",
    "dtype": "leave it out: weights are float32, and quant.quantize makes them integers",
    "name": 'name layers in a dict: Sequential({"conv1": nn.Conv2d(8, 3)})',
    "start_dim": "leave it out: Flatten joins all axes but that of the batch",
    "end_dim": "leave it out: Flatten joins all axes but that of the batch",
    "dim": "it is axis, which counts the axes of one example, without the batch; the default is "
    "the last axis",
    "affine": "leave it out: a batch norm has always a scale and a shift",
    "track_running_stats": "leave it out: a batch norm has always running statistics",
    "return_indices": "leave it out: pooling gives values only",
    "reduction": "a loss is one number for each example; train.fit takes their mean",
    "weight": "there are no class weights in a loss",
}

_CONVOLUTION = Arguments(
    aliases={
        "filters": "out_channels",
        "strides": "stride",
        "dilation_rate": "dilation",
        "use_bias": "bias",
    },
    order=(
        *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"),
        *("groups", "bias"),
    ),
    least=3,
)
_POOLING = Arguments(
    aliases={"pool_size": "kernel_size", "strides": "stride"},
    order=("kernel_size", "stride", "padding"),
    least=2,
)
_NORM = Arguments(
    aliases={"num_features": "channels", "eps": "epsilon"},
    order=("channels", "epsilon", "momentum"),
    least=1,
)

_CAUSAL = "leave it out: a stream has no end to begin at; read the signal forwards alone"
_RECURRENT = Arguments(
    aliases={"units": "hidden_size"},
    hints={
        "bidirectional": _CAUSAL,
        "go_backwards": _CAUSAL,
        "proj_size": "leave it out: a layer with a projection is not supported",
        "peephole": "leave it out: gates that read the cell are not supported",
        "batch_first": "leave it out: signals are (C, T), the channels first",
        "stateful": "leave it out: an exported program carries the state from step to step",
        "return_state": "leave it out: an exported program carries the state from step to step",
        "recurrent_dropout": "write dropout=, which drops outputs between layers",
        "reset_after": "leave it out: the reset gate multiplies the product, as reset_after does",
    },
    order=("input_size", "hidden_size", "num_layers"),
    least=2,
)

ARGUMENTS: Mapping[str, Arguments] = {
    "GRU": _RECURRENT,
    "LSTM": _RECURRENT,
    "Conv2d": _CONVOLUTION,
    "Conv1d": _CONVOLUTION,
    "ConvTranspose2d": Arguments(
        aliases={"filters": "out_channels", "strides": "stride", "use_bias": "bias"},
        order=(
            *("in_channels", "out_channels", "kernel_size", "stride", "padding"),
            "output_padding",
        ),
        least=3,
    ),
    "Linear": Arguments(
        aliases={"units": "out_features", "use_bias": "bias"},
        order=("in_features", "out_features", "bias"),
        least=2,
    ),
    "Upsample": Arguments(aliases={"interpolation": "mode"}),
    "MaxPool1d": _POOLING,
    "MaxPool2d": _POOLING,
    "AvgPool1d": _POOLING,
    "AvgPool2d": _POOLING,
    "BatchNorm1d": _NORM,
    "BatchNorm2d": _NORM,
    "Dropout": Arguments(aliases={"p": "probability", "rate": "probability"}),
    "LeakyReLU": Arguments(aliases={"alpha": "negative_slope"}),
}
"""Class name -> aliases and order of its constructor's arguments; all have `LAYER_HINTS`."""

PRESET = Arguments(
    aliases={"num_classes": "classes", "n_classes": "classes", "random_state": "seed"},
    hints={
        **dict.fromkeys(
            ("in_channels", "in_chans", "channels"),
            "give the shape of an input, channels first: input_shape=(C, H, W)",
        ),
        **dict.fromkeys(("pretrained", "weights"), "models.load(name) loads a trained net"),
        **dict.fromkeys(("width_mult", "alpha"), "it is width, a number of channels"),
    },
    too_many="its arguments have names, such as seed=0",
)
"""Of `nn.create_net` and the predefined nets, such as `nn.lenet`."""
