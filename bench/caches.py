"""What the real @actions/cache and @actions/artifact need, in a job with the default back end, beside what they cannot be
faster than: tar and zstd with the same options on the same files, by nothing but a shell. bench/run prints it.

A round is one `slipway run` whose job makes the files, saves them, removes them, restores them and compares; only saving
and restoring are timed, in the job. What has just been written is flushed before it is timed, here as there: a folder that
is worth a cache is older than a second."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/actions"))
import packages  # noqa: E402

CACHE_FILES, CACHE_FILE_SIZE = 256, 4 << 20
ARTIFACT_FILES, ARTIFACT_FILE_SIZE = 5000, 2 << 10

# Half of a file is noise and half of it compresses well, as what is cached does.
MAKE = """
const crypto = require('crypto'), fs = require('fs')
const [folder, count, size] = process.argv.slice(2)
fs.mkdirSync(folder)
for (let i = 0; i < count; i++) {
  const line = Buffer.from(`line ${i} of a file\\n`)
  fs.writeFileSync(`${folder}/${i}.bin`, Buffer.concat([crypto.randomBytes(size / 2), Buffer.alloc(size / 2, line)]))
}
"""

TIMES = """
const time = async (name, work) => {
  const begun = process.hrtime.bigint()
  if (!(await work())) throw new Error(name)
  console.log(`time ${name} ${Number(process.hrtime.bigint() - begun) / 1e9}`)
}
"""

CACHE = TIMES + """
const cache = await import('@actions/cache')
if (process.env.INPUT_DO === 'save') await time('save', async () => (await cache.saveCache(['data'], 'bench')) > 0)
else await time('restore', async () => (await cache.restoreCache(['data'], 'bench')) === 'bench')
"""

CACHE_STEPS = """
      - {uses: ./bench, with: {do: save}}
      - run: mv data before
      - {uses: ./bench, with: {do: restore}}
      - run: diff -r before data
"""

ARTIFACT = TIMES + """
import fs from 'node:fs'
const {DefaultArtifactClient} = await import('@actions/artifact')
const client = new DefaultArtifactClient()
const files = fs.readdirSync('data').map(name => `data/${name}`)
let id
await time('upload', async () => (id = (await client.uploadArtifact('bench', files, '.')).id))
await time('download', () => client.downloadArtifact(id, {path: 'found'}))
"""

ARTIFACT_STEPS = """
      - uses: ./bench
      - run: diff -r data found/data
"""

WORKFLOW = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: node {make} && sync
"""


def folder_of(slipway):
    """Where the packages are: those of the tests, if they are there."""
    known = pathlib.Path(packages.__file__).resolve().parents[2] / "build/tests/actions/packages"
    return known if (known / "installed").exists() else pathlib.Path(slipway).parent / "bench/packages"


def why_not(slipway):
    """The reason when it cannot be measured here."""
    for program in ("node", "zstd", "tar"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return packages.why_not(folder_of(slipway))


class Bench:
    """A repository whose workflow makes files and gives them to a script, and rounds of it."""

    def __init__(self, slipway, work, script, package, files, size, steps):
        self.slipway, self.work, self.repo = slipway, work, work / "repo"
        self.make = ["make.cjs", "data", str(files), str(size)]
        action = self.repo / "bench"
        action.mkdir(parents=True)
        for one in packages.closure([package]):
            shutil.copytree(folder_of(slipway) / one, self.repo / one, symlinks=True,
                            ignore=shutil.ignore_patterns("*.map", "*.d.ts"))
        (self.repo / "make.cjs").write_text(MAKE)
        (action / "action.yml").write_text("name: bench\ninputs: {do: {}}\nruns: {using: node20, main: main.mjs}\n")
        (action / "main.mjs").write_text(script)
        workflows = self.repo / ".github/workflows"
        workflows.mkdir(parents=True)
        (workflows / "ci.yml").write_text(WORKFLOW.format(make=" ".join(self.make)) + steps.lstrip("\n"))
        self.env = {**os.environ, "HOME": str(work), "XDG_CACHE_HOME": str(work / "cache"), "TMPDIR": str(work),
                    "XDG_STATE_HOME": str(work / "state")}

    def run(self):
        """{name: seconds} of one run."""
        done = subprocess.run([self.slipway, "run", "push", "--json"], cwd=self.repo, env=self.env, text=True,
                              capture_output=True, check=False)
        log = [e["text"] for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "log"]
        if done.returncode:
            sys.exit("bench: slipway run ended with {}:\n{}\n{}".format(done.returncode, "\n".join(log[-20:]), done.stderr))
        for name in ("cache", "state"):
            shutil.rmtree(self.work / name, ignore_errors=True)
        return {line.split()[1]: float(line.split()[2]) for line in log if line.startswith("time ")}

    def tar(self):
        """The commands of @actions/cache 6: src/internal/tar.ts, where zstd is installed."""
        work = self.work / "floor"
        work.mkdir()
        subprocess.run(["node", self.repo / self.make[0], *self.make[1:]], cwd=work, check=True)
        os.sync()
        begun = time.monotonic()
        subprocess.run(["tar", "--posix", "-cf", "cache.tzst", "-P", "-C", work, "--use-compress-program", "zstdmt", "data"],
                       cwd=work, check=True)
        middle = time.monotonic()
        (work / "data").rename(work / "before")
        restore = time.monotonic()
        subprocess.run(["tar", "-xf", "cache.tzst", "-P", "-C", work, "--use-compress-program", "unzstd"], cwd=work, check=True)
        end = time.monotonic()
        shutil.rmtree(work)
        return {"save": middle - begun, "restore": end - restore}


def cache(slipway, work, runs):
    """[(slipway's, tar's)] of so many rounds after one to warm up, in turn; each {"save": seconds, "restore": seconds}."""
    bench = Bench(slipway, work / "cache", CACHE, "@actions/cache", CACHE_FILES, CACHE_FILE_SIZE, CACHE_STEPS)
    rounds = [(bench.run(), bench.tar()) for _ in range(runs + 1)]
    shutil.rmtree(bench.work)
    return rounds[1:]


def artifact(slipway, work, runs):
    """[{"upload": seconds, "download": seconds}]"""
    bench = Bench(slipway, work / "artifact", ARTIFACT, "@actions/artifact", ARTIFACT_FILES, ARTIFACT_FILE_SIZE,
                  ARTIFACT_STEPS)
    rounds = [bench.run() for _ in range(runs)]
    shutil.rmtree(bench.work)
    return rounds
