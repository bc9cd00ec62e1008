"""SIGKILL at random moments and at chosen calls: a name stands for the old, the whole new, or nothing."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

_SCRIPT = textwrap.dedent(
    """
    import os, random, signal, sys, time
    from pathlib import Path

    os.chdir(sys.argv[1])
    from fivefold.artifact import load
    from fivefold.cli.main import app

    FIT = ["fit", "rows.csv", "-t", "y", "--budget", "0.3s", "-q", "--out"]
    PREDICT = ["predict", "old", "rows.csv", "-q", "--out"]

    def run(arguments):
        # What the command prints is not looked at here.
        sys.stdout = open(os.devnull, "w")
        try:
            app(arguments, standalone_mode=False)
        finally:
            sys.stdout = sys.__stdout__

    def killed(arguments, moment=None, calls=None):
        # In a child: killed after some seconds, or at the n-th call of functions that touch the disk.
        child = os.fork()
        if child == 0:
            if calls is not None:
                left = [calls]
                def count(function):
                    def call(*args, **options):
                        left[0] -= 1
                        if left[0] == 0:
                            os.kill(os.getpid(), signal.SIGKILL)
                        return function(*args, **options)
                    return call
                for name in ("mkdir", "write", "fsync", "rename", "replace"):
                    setattr(os, name, count(getattr(os, name)))
            run(arguments)
            os._exit(0)
        if moment is not None:
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])

    run([*FIT, "old"])
    began = time.monotonic()
    run([*FIT, "warm"])
    seconds = time.monotonic() - began
    whole = set(load("old").files)

    def check(name, must):
        if must or os.path.lexists(name):
            bundle = load(name)
            assert set(bundle.files) == whole
            assert bundle.files["report.html"].rstrip().endswith(b"</html>")
        shown = [path.name for path in Path().iterdir() if not path.name.startswith(".")]
        assert set(shown) <= {"rows.csv", "old", "warm", "p.csv", name}, shown

    draw, kills, new = random.Random(0), 0, 0
    for i in range(5):
        kills += killed([*FIT, "new"], moment=draw.uniform(0.2, 1.1) * seconds)
        check("new", False)
        if Path("new").exists():
            new += 1
            os.rename("new", f".done{i}")
    for calls in (1, 9, 17):
        kills += killed([*FIT, "new"], calls=calls)
        check("new", False)
        assert not Path("new").exists() or calls > 15
        kills += killed([*FIT, "old", "--overwrite"], calls=calls)
        check("old", True)
        if Path("new").exists():
            os.rename("new", f".late{calls}")
    Path("p.csv").write_text("yesterday")
    for calls in (1, 2):
        assert killed([*PREDICT, "p.csv"], calls=calls)
        assert Path("p.csv").read_text() == "yesterday"
    assert not killed([*PREDICT, "p.csv"], calls=100)
    assert len(Path("p.csv").read_text().splitlines()) == 121
    # The next fit finds its way whatever the dead ones left.
    run([*FIT, "old", "--overwrite"])
    check("old", True)
    print(kills)
    """
)


def test_a_kill_at_any_moment_leaves_no_half_of_anything(tmp_path: Path, writers: ModuleType) -> None:
    scratch = tmp_path / ".scratch"  # what a killed reader leaves behind goes with the test
    scratch.mkdir()
    writers.csv(tmp_path / "rows.csv", writers.columns())
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(scratch),
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) >= 6, "too few of them were killed"
