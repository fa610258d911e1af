"""The Kubernetes manifest of the documents: well formed, for a study that exists."""

import re
from pathlib import Path

import yaml
from typer.main import get_command

from bayeslaw.cli.main import app
from bayeslaw.proxy.study.study_file import expand, read_study

ROOT = Path(__file__).parents[2]


def manifest() -> dict:
    page = (ROOT / "docs/how-to/train-on-a-cluster.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    return yaml.safe_load(block)


def test_the_job_has_an_index_for_every_run_of_the_shipped_study():
    job = manifest()
    study = ROOT / "runs" / job["metadata"]["name"] / "study.toml"
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == len(expand(read_study(study)))
    assert job["spec"]["maxFailedIndexes"] == job["spec"]["completions"]


def test_pods_run_a_command_that_exists_on_a_volume_that_is_mounted():
    pod = manifest()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    # What Kubernetes demands of Jobs with a limit for each index.
    assert pod["restartPolicy"] == "Never"
    (words,) = container["args"]
    train = get_command(app).commands["train"]
    known = {name for option in train.params for name in option.opts}
    assert set(re.findall(r"--[\w-]+", words)) <= known
    assert '--index "$JOB_COMPLETION_INDEX"' in words
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert all(path in words for path in mounts.values())
