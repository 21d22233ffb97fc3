"""The npm packages that real actions are made of, from package-lock.json; for the tests beside it and for the bench."""
import hashlib
import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def why_not(packages):
    """Installs the packages; gives the reason when they cannot be had."""
    for program in ("npm", "tar"):
        if not shutil.which(program):
            return f"{program} is not installed"
    major = int(subprocess.check_output(["node", "--version"], text=True).lstrip("v").split(".")[0])
    if major < 18:
        return f"Node.js {major} is installed; the packages need 18"
    mark = packages / "installed"
    lock = (HERE / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return None
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, packages)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=packages,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        return "the packages cannot be installed from the npm registry: " + done.stdout.strip()[-500:]
    mark.write_text(wanted)
    return None


def closure(names):
    """The folders ("node_modules/x", outermost ones) of these packages and of all that they need."""
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    found, waiting = set(), [f"node_modules/{name}" for name in names]
    while waiting:
        folder = waiting.pop()
        if folder in found:
            continue
        found.add(folder)
        for name in lock[folder].get("dependencies", {}):
            # As Node does: in the package's own node_modules, then in those around it.
            around = folder
            while around and f"{around}/node_modules/{name}" not in lock:
                around = around.rpartition("/node_modules/")[0]
            waiting.append(f"{around}/node_modules/{name}".lstrip("/"))
    return sorted({"/".join(folder.split("/node_modules/")[:1]) for folder in found})
