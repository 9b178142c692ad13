"""The manifests of the load workers fit the scenarios, the command and each other."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from readiness_kit.commands.worker import command

ROOT = Path(__file__).parent.parent
LOAD = ROOT / "load"
FOLDER = LOAD / "kubernetes"
KUSTOMIZATION = yaml.safe_load((LOAD / "kustomization.yaml").read_text())
MANIFESTS = {
    one["kind"]: one
    for name in KUSTOMIZATION["resources"]
    for one in yaml.safe_load_all((LOAD / name).read_text())
}
JOB = MANIFESTS["Job"]["spec"]
POD = JOB["template"]["spec"]
(WORKER,) = POD["containers"]
README = (FOLDER / "README.md").read_text()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()


def test_every_manifest_is_listed_and_of_a_stable_version():
    listed = {Path(name).name for name in KUSTOMIZATION["resources"]}
    assert listed == {file.name for file in FOLDER.glob("*.yaml")}
    versions = {kind: one["apiVersion"] for kind, one in MANIFESTS.items()}
    assert versions == {"Job": "batch/v1", "NetworkPolicy": "networking.k8s.io/v1"}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_the_manifests_are_of_the_schema(kind):
    validate = pytest.importorskip(
        "kubernetes_validate", reason="not installed: kubernetes-validate"
    )
    validate.validate(MANIFESTS[kind], "1.31", strict=True)


def test_the_whole_scenario_folder_is_mounted():
    made = {one["name"]: one for one in KUSTOMIZATION["configMapGenerator"]}
    volumes = {one["name"]: one for one in POD["volumes"]}
    name = volumes["scenario"]["configMap"]["name"]
    assert set(made[name]["files"]) == {file.name for file in LOAD.glob("*.py")}
    (used,) = (one["configMapRef"]["name"] for one in WORKER["envFrom"])
    assert [one.partition("=")[0] for one in made[used]["literals"]] == ["MASTER"]
    assert {one["name"] for one in WORKER["volumeMounts"]} == set(volumes)


def test_the_worker_is_asked_for_what_the_command_takes():
    verb, *options = WORKER["args"]
    given = dict(option.split("=", 1) for option in options)
    assert verb == "worker"
    assert set(given) <= {name for one in command.params for name in one.opts}
    assert {name for one in command.params if one.required for name in one.opts} <= set(given)
    mounted = {one["name"]: one["mountPath"] for one in WORKER["volumeMounts"]}
    assert given["--scenario"] == f"{mounted['scenario']}/locustfile.py"
    for name in ("--secret", "--token"):
        assert given[name].startswith(f"file:{mounted['secrets']}/")
        assert f"{given[name].rpartition('/')[2]}=" in README


def test_one_worker_of_the_job_plays_one_test():
    assert JOB["completions"] == JOB["parallelism"] > 1
    assert JOB["backoffLimit"] == 0
    assert POD["restartPolicy"] == "Never"
    assert f"workers: {JOB['completions']}\n" in README


def test_the_worker_has_no_privilege():
    pod, own = POD["securityContext"], WORKER["securityContext"]
    assert pod["runAsNonRoot"]
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["readOnlyRootFilesystem"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert not own["allowPrivilegeEscalation"]
    assert not own["privileged"]
    assert not POD["automountServiceAccountToken"]
    assert not any(POD.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert {"cpu", "memory"} <= set(WORKER["resources"]["requests"])
    assert "memory" in WORKER["resources"]["limits"]
    assert all(one["readOnly"] for one in WORKER["volumeMounts"] if one["name"] != "tmp")


def test_nothing_secret_is_written_down():
    kinds = {one["kind"] for one in MANIFESTS.values()}
    assert not kinds & {"Secret"}
    assert "secretGenerator" not in KUSTOMIZATION
    (secret,) = (one["secret"]["secretName"] for one in POD["volumes"] if "secret" in one)
    assert f"create secret generic {secret} " in README


def test_the_image_is_pinned_by_digest():
    (image,) = KUSTOMIZATION["images"]
    assert image["name"] == WORKER["image"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])
    assert "newTag" not in image


def test_the_policy_closes_the_pods_of_the_job():
    policy = MANIFESTS["NetworkPolicy"]["spec"]
    labels = JOB["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert (policy["policyTypes"], policy["ingress"]) == (["Ingress"], [])


def test_the_image_is_built_from_files_that_exist_by_nobody_special():
    kept = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert kept[0] == "*"
    names = [one.removeprefix("!") for one in kept if one.startswith("!")]
    assert all((ROOT / one).exists() for one in names)
    assert {"readiness_kit", "load", "notebooks", "requirements", "pyproject.toml"} <= set(names)
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert int(user[1]) == POD["securityContext"]["runAsUser"]
    assert int(user[2]) == POD["securityContext"]["runAsGroup"]
    assert '"/opt/readiness/bin/readiness"]' in DOCKERFILE


def test_the_versions_of_the_lock_are_taken_over(tmp_path):
    script = re.search(r"sed -E ('.*?') requirements", DOCKERFILE)[1]
    (argument,) = shlex.split(script)
    lock = ROOT / "requirements" / "dev.lock"
    done = subprocess.run(["sed", "-E", argument, lock], capture_output=True, text=True, check=True)
    pins = [line for line in done.stdout.splitlines() if not line.lstrip().startswith("#")]
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9]", lock.read_text(), re.MULTILINE))
    assert all(re.match(r"[A-Za-z0-9._\[\],-]+==[^\\]+$", pin) for pin in pins)


IMPORTS = """
import sys
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.generator.scenario import classes_of
from readiness_kit.harness.schedule import steady
plan = Plan(profile="p", url="http://x", origins=(), users=1, stages=steady(1, 1), block_s=1.0,
            scenario=sys.argv[1])
print(*sorted(one.__name__ for one in classes_of(plan)))
"""


def test_the_scenario_imports_its_neighbours_as_a_config_map_mounts_them(tmp_path):
    dated = tmp_path / "..2026_01_01_00_00_00.123"
    dated.mkdir()
    (tmp_path / "..data").symlink_to(dated.name)
    for file in LOAD.glob("*.py"):
        (dated / file.name).write_bytes(file.read_bytes())
        (tmp_path / file.name).symlink_to(f"..data/{file.name}")
    for scenario in (tmp_path / "locustfile.py", (tmp_path / "locustfile.py").resolve()):
        argv = [sys.executable, "-c", IMPORTS, scenario]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["Person", "Reader", "Writer"], done.stderr
