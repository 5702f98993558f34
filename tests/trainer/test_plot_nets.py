"""Drawings of nets show every layer, every edge, and the shapes between."""

import re
from itertools import pairwise

import numpy as np
import pytest
from pictures import net, words

from drypoint import nn, plot


def test_a_net_is_drawn_layer_by_layer_with_the_shapes_between():
    picture = plot.net(nn.Model(net()))
    names = ["conv1", "relu1", "conv2", "flatten", "fc", "softmax"]
    sizes = ["1 x 8 x 8", "4 x 6 x 6", "4 x 6 x 6", "2 x 4 x 4", "32", "3", "3"]
    lines = picture.text.splitlines()
    assert [line.split()[0] for line in lines[3:-2:3]] == [*names, "output"]
    assert [line.split("  ")[-1] for line in lines[1:-2:3]] == sizes
    learn = [line.split()[0] for line in lines if " * " in line]
    assert learn == ["conv1", "conv2", "fc"]
    drawn = words(picture.ax)
    assert [text for text in drawn if text in sizes] == sizes
    assert [text.split("\n")[0] for text in drawn if "\n" in text] == names
    assert "conv1\nConv2d, 40 parameters" in drawn  # 4 x 9 weights, 4 biases


def test_dot_names_every_layer_and_links_them_in_order():
    picture = plot.net(net())
    nodes = re.findall(r'^  (\w+) \[label="(\w+)', picture.dot, re.MULTILINE)
    edges = re.findall(r'^  (\w+) -> (\w+) \[label=" ([0-9 x]+)"\];$', picture.dot, re.MULTILINE)
    ids = ["input", *(f"layer{i}" for i in range(6)), "output"]
    assert {node for node, _ in nodes} == set(ids)
    assert [(a, b) for a, b, _ in edges] == list(pairwise(ids))
    assert [size for _, _, size in edges][:2] == ["1 x 8 x 8", "4 x 6 x 6"]
    assert picture.dot.startswith("digraph net {\n")
    assert picture.dot.endswith("\n}\n")


def residual():
    layers = {"one": nn.Conv2d(1, 1), "two": nn.ReLU(), "add": nn.Add()}
    edges = [("input", "one", "two", "add.a"), ("one", "add.b")]
    return nn.Graph(layers, edges, {"input": (1, 4, 4)})


def test_a_graph_is_drawn_with_every_edge_and_below_what_it_reads():
    """Oracle: the edges as written."""
    picture = plot.net(residual())
    names = [node.name for node in picture.scheme.nodes]
    assert names == ["input", "one", "two", "add", "output"]
    links = [(names[k.source], names[k.target], k.port) for k in picture.scheme.links]
    assert sorted(links) == [
        ("add", "output", ""),
        ("input", "one", ""),
        ("one", "add", "b"),
        ("one", "two", ""),
        ("two", "add", "a"),
    ]
    assert picture.scheme.rows == (0, 1, 2, 3, 4)
    assert not picture.scheme.is_chain
    assert "add        Add                   1 x 4 x 4  <- a: two, b: one" in picture.text
    arrows = [text for text in picture.ax.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(links)
    assert re.findall(r"^  (\w+) -> (\w+)", picture.dot, re.MULTILINE)[-1] == ("layer2", "output")


def test_an_input_stands_beside_what_is_above_its_reader():
    training = nn.TrainingGraph(net(), nn.CrossEntropyLoss())
    scheme = plot.net(training).scheme
    rows = dict(zip([node.name for node in scheme.nodes], scheme.rows, strict=True))
    assert rows["target"] == rows["net.softmax"] == 6
    boxes = zip(scheme.nodes, scheme.rows, scheme.centers, strict=True)
    places = sorted((row, x - n.width / 2, x + n.width / 2) for n, row, x in boxes)
    for (row, _, right), (next_row, left, _) in pairwise(places):
        assert row != next_row or right < left  # no two boxes overlap
    assert min(left for _, left, _ in places) == pytest.approx(0, abs=1e-9)


def test_two_branches_stand_side_by_side():
    layers = {"a": nn.Conv2d(1, 1), "b": nn.Conv2d(1, 1), "add": nn.Add()}
    edges = [("input", "a", "add.a"), ("input", "b", "add.b")]
    scheme = plot.net(nn.Graph(layers, edges, {"input": (1, 4, 4)})).scheme
    assert scheme.rows == (0, 1, 1, 2, 3)
    top, a, b, add, bottom = scheme.centers
    assert a < top < b
    assert top == pytest.approx(add) == pytest.approx(bottom)


def test_names_of_ports_that_dot_cannot_take_are_numbered():
    layers = {"a": nn.ReLU(), "b": nn.ReLU()}
    graph = nn.Graph(layers, [("layer1", "a"), ("other port", "b")])
    dot = plot.net(graph, input_shape={"layer1": (2,), "other port": (2,)}).dot
    ids = re.findall(r"^  (\w+) \[", dot, re.MULTILINE)
    nodes = [name for name in ids if name not in ("node", "edge")]
    assert len(set(nodes)) == len(nodes) == 6


def test_a_net_of_open_sizes_needs_a_shape():
    open_net = nn.Sequential([nn.Conv2d(2, 3), nn.ReLU()])
    with pytest.raises(nn.ShapeError):
        plot.net(open_net)
    assert "2 x 3 x 3" in plot.net(open_net, input_shape=(1, 5, 5)).text
    with pytest.raises(plot.PlotError, match="not str"):
        plot.net("lenet")


@pytest.mark.parametrize("name", ["resnet8:4", "tcn:8,8,8", "mobilenet:8"])
def test_a_link_that_passes_rows_lies_beside_their_boxes_and_beside_other_links(name):
    """Oracle: the boxes of the rows, and the labels of the links that pass an equal row."""
    shape = (2, 24) if name.startswith("tcn") else (3, 16, 16)
    made = nn.create_net(name, input_shape=shape, classes=4).bind(shape)
    scheme = plot.net(made).scheme
    rows = {
        i: range(scheme.rows[k.source], scheme.rows[k.target] + 1)
        for i, k in enumerate(scheme.links)
    }
    assert {*scheme.lanes} == {i for i, passed in rows.items() if len(passed) > 2} != set()
    for i, x in scheme.lanes.items():
        boxes = zip(scheme.nodes, scheme.rows, scheme.centers, strict=True)
        assert all(c + node.width / 2 < x for node, row, c in boxes if row in rows[i])
        for other, y in scheme.lanes.items():
            if other != i and {*rows[i]} & {*rows[other]}:
                label = scheme.links[i if x < y else other].label_width
                assert abs(x - y) > label
        assert x + scheme.links[i].label_width <= scheme.width


CROSSING = nn.Graph(
    {"a": nn.Conv2d(4, 3, padding=1), "b": nn.Conv2d(4, 3, padding=1), "c": nn.Conv2d(4, 1),
     "add": nn.Add(), "cat": nn.Concat(), "out": nn.Conv2d(2, 1)},
    [("input", "a", "b", "add.a"), ("input", "c", "add.b"), ("add", "cat.a"), ("a", "cat.b"),
     ("cat", "out")],
    {"input": (1, 8, 8)},
)  # fmt: skip


@pytest.mark.parametrize("net", [nn.resnet8(seed=0), CROSSING], ids=["resnet8", "crossing"])
def test_no_link_crosses_a_label(net):
    """Oracle: matplotlib's boxes of the labels, and points along each line that it drew."""
    ax = plot.net(net).ax
    ax.figure.canvas.draw()
    drawn = ax.transData.transform
    paths = [drawn(line.get_xydata()) for line in ax.lines]
    arrows = [text for text in ax.texts if hasattr(text, "arrow_patch")]
    paths += [drawn([arrow.xyann, arrow.xy]) for arrow in arrows]
    labels = [text for text in ax.texts if text not in arrows and text.get_text()[-1].isdigit()]
    assert len(labels) >= len(arrows)
    for label in labels:
        left, bottom, right, top = label.get_window_extent().extents
        for path in paths:
            for start, end in pairwise(path):
                points = start + np.linspace(0, 1, 200)[:, None] * (end - start)
                inside = (points > (left, bottom)) & (points < (right, top))
                assert not inside.all(axis=1).any(), label.get_text()
