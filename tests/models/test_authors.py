import pickle
import zipfile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.models.authors import import_authors
from napari_colorizer.models.file import read_model

pytestmark = pytest.mark.slow

CLASSES = ClassMap.pascal_context()
ROWS, COLUMNS = range(5), range(6)


def random_weights(shapes):
    torch.manual_seed(7)
    return {name: random_tensor(name, shape) for name, shape in shapes.items()}


def random_tensor(name, shape):
    if name.endswith("num_batches_tracked"):
        return torch.tensor(100)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        return torch.rand(shape) + 0.5
    if len(shape) == 1:
        return torch.randn(shape) * 0.2
    return torch.randn(shape) * (2 / (9 * shape[1])) ** 0.5


def their_colors(weights, gray, labels):
    def layer(name, x, stride):
        x = leaky(F.conv2d(x, weights[f"{name}.conv1.weight"], stride=stride, padding=1))
        return leaky(F.conv2d(x, weights[f"{name}.conv2.weight"], padding=1))

    guidance, skips = (labels / 59 * 2 - 1)[:, None], []
    for level in range(1, 7):
        stride = 1 if level == 1 else 2
        gray, guidance = layer(f"enc{level}", gray, stride), layer(f"enc{level}", guidance, stride)
        spread, mean = torch.var_mean(gray, (2, 3), correction=0, keepdim=True)
        skips.append(torch.cat([(gray - mean) / (spread + 1e-5).sqrt(), guidance], 1))
    x = skips.pop()
    for level in range(1, 6):
        up = F.conv_transpose2d(x, weights[f"dec{level}.conv1.weight"], stride=2, padding=1, output_padding=1)
        x = leaky(F.conv2d(leaky(up) + skips.pop(), weights[f"dec{level}.conv2.weight"], padding=1))
    return leaky(F.conv2d(x, weights["final_conv.weight"], padding=1))


def leaky(x):
    return torch.where(x > 0, x, 0.1 * x)


class TheirGridNet:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, gray):
        x = self.norm("batchNormInitial", gray)
        x = self.norm("firstConv.batch1", self.conv("firstConv.conv1", x)).relu()
        x = self.norm("firstConv.batch2", self.conv("firstConv.conv2", x)).relu()
        grid = {(0, 0): x}
        for i in ROWS[1:]:
            grid[i, 0] = self.down(grid, i, 0)
        for j in (1, 2):
            for i in ROWS:
                grid[i, j] = self.across(grid, i, j) + (self.down(grid, i, j) if i else 0)
        for j in (3, 4, 5):
            for i in reversed(ROWS):
                grid[i, j] = self.across(grid, i, j) + (self.up(grid, i, j) if i < 4 else 0)
        x = self.norm("lastConv.batch1", self.conv("lastConv.conv1", grid[0, 5])).relu()
        return self.norm("lastConv.batch2", self.conv("lastConv.conv2", x))

    def norm(self, name, x):
        mean, variance, weight, bias = (
            self.weights[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def conv(self, name, x, stride=1):
        return F.conv2d(x, self.weights[f"{name}.weight"], stride=stride, padding=1)

    def across(self, grid, i, j):
        x, name = grid[i, j - 1], f"convSequence{i}_{j - 1}to{i}_{j}"
        branch = self.conv(f"{name}.conv1", self.norm(f"{name}.batch1", x).relu())
        return x + self.conv(f"{name}.conv2", self.norm(f"{name}.batch2", branch).relu())

    def down(self, grid, i, j):
        x, name = grid[i - 1, j], f"subSamplingSequence{i - 1}_{j}to{i}_{j}"
        x = self.conv(f"{name}.conv1", self.norm(f"{name}.batch1", x).relu(), stride=2)
        return self.conv(f"{name}.conv2", self.norm(f"{name}.batch2", x).relu())

    def up(self, grid, i, j):
        x, name = grid[i + 1, j], f"upSamplingSequence{i + 1}_{j}to{i}_{j}"
        x, weight = self.norm(f"{name}.batch1", x).relu(), self.weights[f"{name}.convTranspose1.weight"]
        x = F.conv_transpose2d(x, weight, stride=2, padding=1, output_padding=1)
        return self.conv(f"{name}.conv2", self.norm(f"{name}.batch2", x).relu())


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    assert wanted.std() > 1e-3
    assert (found - wanted).norm() / wanted.norm() < 1e-5


@pytest.fixture(scope="module")
def weights(authors_shapes):
    return {part: random_weights(shapes) for part, shapes in authors_shapes.items()}


@pytest.fixture(scope="module")
def imported(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("authors")
    files = {part: folder / f"{part}.pth.tar" for part in weights}
    for part, file in files.items():
        torch.save({"G": weights[part]}, file)
    yield import_authors("authors", CLASSES, **files)
    for file in folder.iterdir():  # they are large
        file.unlink()


@pytest.fixture(scope="module", params=["imported", "saved and loaded"])
def model(request, imported, tmp_path_factory):
    if request.param == "imported":
        yield imported
        return
    path = tmp_path_factory.mktemp("saved") / "authors.safetensors"
    imported.save(path)
    yield read_model(path)
    path.unlink()


def test_their_checkpoints_have_as_many_tensors_as_theirs(authors_shapes):
    assert {part: len(shapes) for part, shapes in authors_shapes.items()} == {"colorizer": 23, "segmenter": 617}


def test_their_colors_come_out_the_same(model, weights):
    torch.manual_seed(1)
    gray, labels = torch.rand(2, 1, 64, 96) * 2 - 1, torch.randint(0, 60, (2, 64, 96))
    assert_close(model.colorizer(gray, labels), their_colors(weights["colorizer"], gray, labels))


def test_their_logits_come_out_the_same(model, weights):
    torch.manual_seed(2)
    gray = torch.rand(2, 1, 48, 64)
    assert_close(model.segmenter(gray * 2 - 1), TheirGridNet(weights["segmenter"])(gray))


def test_an_imported_model_knows_where_it_comes_from(model):
    assert model.classes == CLASSES
    assert "2006.07587" in model.provenance["method"]
    assert model.license
    assert model.segmenter.config.ids == model.colorizer.config.ids == tuple(range(60))
    assert {network.config.lightness for network in model.networks.values()} == {"BT.601"}
    config = model.colorizer.config
    assert (config.chroma_scale, config.chroma_offset) == (127.5, -0.5)


@pytest.fixture
def import_segmenter(tmp_path):
    def save_and_import(checkpoint, classes=CLASSES):
        path = tmp_path / "seg_weights.pth.tar"
        torch.save(checkpoint, path)
        return import_authors("theirs", classes, segmenter=path)

    return save_and_import


@pytest.fixture
def empty_weights(authors_shapes):
    """Right names and shapes, no bytes: every tensor repeats one zero."""
    return {name: torch.zeros(()).expand(shape) for name, shape in authors_shapes["segmenter"].items()}


def test_one_checkpoint_will_do(import_segmenter, empty_weights):
    assert list(import_segmenter({"G": empty_weights, "epoch": 3}).networks) == ["segmenter"]


def test_a_model_of_no_checkpoint_is_refused():
    with pytest.raises(ModelError, match="neither a segmenter nor a colorizer"):
        import_authors("theirs", CLASSES)


EDGES = [
    "batchNormInitial.weight",
    "firstConv.conv2.weight",
    "convSequence4_0to4_1.batch1.running_var",
    "subSamplingSequence3_2to4_2.conv1.weight",
    "upSamplingSequence1_5to0_5.convTranspose1.weight",
    "lastConv.batch2.num_batches_tracked",
]


@pytest.mark.parametrize("name", EDGES)
def test_a_missing_tensor_is_named_as_they_name_it(import_segmenter, empty_weights, name):
    del empty_weights[name]
    with pytest.raises(ModelError, match=rf"seg_weights.pth.tar lacks the tensor {name} \(1 in all\)"):
        import_segmenter({"G": empty_weights})


@pytest.mark.parametrize("name", ["upSamplingSequence1_5to0_5.conv1.weight", "firstConv.conv1.bias", "extra"])
def test_a_surplus_tensor_is_named(import_segmenter, empty_weights, name):
    empty_weights[name] = torch.zeros(1)
    with pytest.raises(ModelError, match=rf"has a surplus tensor {name} \(1 in all\)"):
        import_segmenter({"G": empty_weights})


@pytest.mark.parametrize("name", EDGES)
def test_a_misshapen_tensor_is_named_as_they_name_it(import_segmenter, empty_weights, name):
    shape, empty_weights[name] = tuple(empty_weights[name].shape), torch.zeros(2, 5)
    with pytest.raises(ModelError) as caught:
        import_segmenter({"G": empty_weights})
    assert f"the tensor {name} has the shape (2, 5), it must be {shape}" in str(caught.value)


def test_a_missing_tensor_of_the_colorizer_is_named_as_they_name_it(tmp_path, authors_shapes):
    for name in ("final_conv.weight", "enc6.conv1.weight", "dec5.conv2.weight"):
        shapes = {other: shape for other, shape in authors_shapes["colorizer"].items() if other != name}
        torch.save({"G": {other: torch.zeros(()).expand(shape) for other, shape in shapes.items()}}, tmp_path / "c.tar")
        with pytest.raises(ModelError, match=f"c.tar lacks the tensor {name}"):
            import_authors("theirs", CLASSES, colorizer=tmp_path / "c.tar")


def test_a_colorizer_with_other_classes_is_refused(tmp_path):
    with pytest.raises(ModelError, match="has 59 classes, the class map 58"):
        import_authors("theirs", CLASSES.without(59), colorizer=tmp_path / "never-read.tar")


def test_a_segmenter_with_other_classes_is_refused(import_segmenter, empty_weights):
    with pytest.raises(ModelError, match=r"lastConv\.\S+ has the shape \(60"):
        import_segmenter({"G": empty_weights}, CLASSES.without(59))


@pytest.mark.parametrize("checkpoint", [{}, {"D": {}}, {"G": 5}, {"G": {"a": "text"}}, [1, 2], torch.zeros(3)])
def test_a_checkpoint_of_something_else_is_refused(import_segmenter, checkpoint):
    with pytest.raises(ModelError, match=r"seg_weights.pth.tar is not one of the authors' checkpoints.*'G'"):
        import_segmenter(checkpoint)


class Trap:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("save", [torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap))])
def test_code_in_a_checkpoint_never_runs(tmp_path, save):
    path, marker = tmp_path / "trap.tar", tmp_path / "ran"
    save({"G": {"enc1.conv1.weight": Trap(marker)}}, path)
    with pytest.raises(ModelError, match=r"trap.tar is not a checkpoint of weights alone"):
        import_authors("theirs", CLASSES, segmenter=path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Trap(marker)))
    assert marker.exists(), "the trap itself works"


@pytest.mark.parametrize(
    "content", [b"", b"hello, this is a text\n", b"(a text in brackets)\n", b"The labels\n1: dog\n", b"PK\x03\x04cut"]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "readme.txt").write_bytes(content)
    with pytest.raises(ModelError, match=r"readme.txt is not a checkpoint"):
        import_authors("theirs", CLASSES, segmenter=tmp_path / "readme.txt")


def test_a_missing_or_cut_checkpoint_is_refused(tmp_path, import_segmenter, empty_weights):
    with pytest.raises(ModelError, match=r"there is no file .*nowhere.tar"):
        import_authors("theirs", CLASSES, segmenter=tmp_path / "nowhere.tar")
    import_segmenter({"G": empty_weights})
    whole = tmp_path / "seg_weights.pth.tar"
    whole.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(ModelError, match=r"seg_weights.pth.tar is not a checkpoint.*damaged"):
        import_authors("theirs", CLASSES, segmenter=whole)


def test_a_checkpoint_that_would_be_inflated_is_refused_at_once(tmp_path, import_segmenter, authors_shapes):
    weights = {name: torch.zeros(shape) for name, shape in authors_shapes["segmenter"].items()}
    import_segmenter({"G": weights})
    whole, small = tmp_path / "seg_weights.pth.tar", tmp_path / "small.tar"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    with pytest.raises(ModelError, match=r"small\.tar is compressed: its \d+ bytes would become \d+"):
        import_authors("theirs", CLASSES, segmenter=small)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_with_weights_that_are_no_numbers_is_refused(import_segmenter, empty_weights, value):
    empty_weights["lastConv.conv2.weight"] = torch.full((), value).expand(60, 60, 3, 3)
    with pytest.raises(ModelError, match=r"tensor segmenter\.last\.3\.weight holds numbers that are not finite"):
        import_segmenter({"G": empty_weights})


def test_an_import_draws_no_random_number(import_segmenter, empty_weights):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    import_segmenter({"G": empty_weights})
    assert torch.equal(torch.rand(3), wanted)
