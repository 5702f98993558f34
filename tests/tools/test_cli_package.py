"""`drypoint export --package`: what the manifests state, by options and by a file."""

import json

import pytest

TOML = 'version = "1.2.3"\nlicence = "MIT"\nauthor = "Jane Doe"\ncontact = "jane@example.org"\n'


@pytest.fixture
def export(cli, lenet, tmp_path):
    """Exports as a PlatformIO library; the manifest that the command wrote."""

    def run(*words):
        code, _, err = cli(
            "export", lenet / "lenet.dpt", "--form", "platformio", "--out", tmp_path / "x", *words
        )
        assert code == 0, err
        return json.loads((tmp_path / "x/library.json").read_text("utf-8"))

    return run


def test_the_manifest_states_the_facts_of_a_file_and_of_options(export, tmp_path):
    (tmp_path / "package.toml").write_text(TOML, "utf-8")
    words = ["--package", tmp_path / "package.toml", "--package", "version=2.0.0"]
    words += ["--package", "url=https://example.org/?a=b"]
    manifest = export(*words, "--name", "digits")
    assert (manifest["name"], manifest["version"]) == ("digits", "2.0.0")
    assert manifest["license"] == "MIT AND Apache-2.0"
    assert manifest["homepage"] == "https://example.org/?a=b"
    assert manifest["authors"][0]["email"] == "jane@example.org"
    assert (tmp_path / "x/LICENSE-drypoint.txt").read_text().count("Apache License") > 0
    manifest = export()
    assert (manifest["version"], "license" in manifest) == ("0.0.0", False)
