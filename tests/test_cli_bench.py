import json


def test_it_prints_a_table_or_json(run):
    result = run("bench", "--device", "cpu", "--steps", 1)
    assert result.exit_code == 0, result.output
    assert "colorizer" in result.output
    rows = json.loads(run("bench", "--device", "cpu", "--steps", 1, "--json").output)["training"]
    assert [row["network"] for row in rows] == ["segmenter", "colorizer"]
    assert all(0 <= row["loading_share"] < 1 for row in rows)


def test_a_device_that_is_not_there_is_named(run):
    result = run("bench", "--device", "cuda:9")
    assert result.exit_code == 1
    assert "cuda:9" in result.output
