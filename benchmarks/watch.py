"""What ``watch`` costs a training step, beside what wandb's own costs: ``python -m benchmarks.watch``.

A small convolutional network is trained on the processor, with gradients and parameters watched at every pass and at every
hundredth. wandb is played in the environment of the differential test, with the same torch, offline. The figure is the
processor time of the training thread a step, less that of the same training without ``watch``; medians of some turns.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TURNS = 5
WANTED = 0.1

PROGRAM = """
import json, sys, time
import torch
client, log_freq, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
module = __import__(client)
torch.set_num_threads(1)
torch.manual_seed(1)
blocks = [torch.nn.Conv2d(3, 16, 3, padding=1)]
for _ in range(12):
    blocks += [torch.nn.BatchNorm2d(16), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3, padding=1)]
network = torch.nn.Sequential(*blocks, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 10))
optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
images, labels = torch.randn(8, 3, 16, 16), torch.randint(0, 10, (8,))
run = module.init(mode="offline", project="watch", settings=json.loads(sys.argv[4]))

def train(steps):
    begun = time.thread_time()
    for step in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        run.log({"loss": float(loss)})
    return (time.thread_time() - begun) / steps

train(20)
plain = train(steps)
run.watch(network, log="all", log_freq=log_freq)
train(max(log_freq, 20))
watched = train(steps)
print(json.dumps([plain, watched]), flush=True)
run.finish()
"""


def measured(python: str, client: str, log_freq: int, steps: int, path: str) -> float:
    """Seconds a step that watching costs the training thread."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {"PATH": os.environ["PATH"], "HOME": directory, "PYTHONPATH": path, "RUNWELL_DIR": directory}
        environment |= {
            "WANDB_DIR": directory,
            "WANDB_SILENT": "true",
            "RUNWELL_SILENT": "true",
            "WANDB_MODE": "offline",
        }
        settings = {"console": "off", "x_disable_stats": True} if client == "wandb" else {"system_metrics": False}
        command = [python, "-c", PROGRAM, client, str(log_freq), str(steps), json.dumps(settings)]
        ended = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr[-2000:])
    line = next(line for line in ended.stdout.splitlines() if line.startswith("["))
    plain, watched = json.loads(line)
    return watched - plain


def main() -> int:
    """Prints the figures; 1 when ours is more than a tenth of wandb's, 2 when they cannot be taken."""
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        print("benchmarks.watch: torch is not installed here, so there is nothing to watch: pip install torch")
        return 2
    from tests.differential import environment

    python = str(environment.python())
    shared = os.pathsep.join([str(ROOT / "src" / "client"), str(Path(torch.origin).parents[1])])
    worst = 0.0
    for log_freq, steps in ((1, 50), (100, 200)):
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(measured(sys.executable, "runwell", log_freq, steps, str(ROOT / "src" / "client")))
            theirs.append(measured(python, "wandb", log_freq, steps, shared))
        mine, other = statistics.median(ours), statistics.median(theirs)
        worst = max(worst, mine / other)
        print(f"log_freq={log_freq}: {mine * 1e6:,.0f} µs a step, wandb {other * 1e6:,.0f} µs: {mine / other:.3f}")
    print(f"wanted: at most {WANTED}")
    return int(worst > WANTED)


if __name__ == "__main__":
    sys.exit(main())
