"""Advantage actor-critic on a small grid with walls: walk from any cell to any other in few steps."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

GRID = """
........
.##..#..
.#...##.
.....#..
..##....
..#...#.
.....##.
........
"""
WALL = np.array([[c == "#" for c in line] for line in GRID.split()])
SIZE = len(WALL)
MOVES = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
HORIZON = 32


class Grid:
    """Many walkers at once; a reward of one at the goal, and a small price for each step."""

    def __init__(self, pairs, rng):
        self.pairs, self.rng = pairs, rng

    def reset(self, n=None):
        rows = self.rng.integers(0, len(self.pairs), n) if n else np.arange(len(self.pairs))
        self.position, self.goal = self.pairs[rows, 0].copy(), self.pairs[rows, 1]
        self.done = np.zeros(len(rows), dtype=bool)
        return self.observe()

    def observe(self):
        eye = np.eye(SIZE, dtype=np.float32)
        places = [
            eye[self.position[:, 0]],
            eye[self.position[:, 1]],
            eye[self.goal[:, 0]],
            eye[self.goal[:, 1]],
        ]
        offset = (self.goal - self.position) / SIZE
        blocked = np.stack([self.blocked(self.position + move) for move in MOVES], axis=1)
        return torch.from_numpy(np.concatenate([*places, offset, blocked], axis=1).astype(np.float32))

    @staticmethod
    def blocked(cells):
        inside = ((cells >= 0) & (cells < SIZE)).all(axis=1)
        row, column = np.clip(cells, 0, SIZE - 1).T
        return ~inside | WALL[row, column]

    def step(self, actions):
        target = self.position + MOVES[actions]
        stays = self.blocked(target) | self.done
        self.position = np.where(stays[:, None], self.position, target)
        arrived = (self.position == self.goal).all(axis=1) & ~self.done
        reward = np.where(self.done, 0.0, -0.04 + arrived)
        self.done = self.done | arrived
        return self.observe(), torch.from_numpy(reward.astype(np.float32)), torch.from_numpy(self.done.copy())


class ActorCritic(nn.Module):
    def __init__(self, inputs=4 * SIZE + 6, hidden=96):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.policy = nn.Linear(hidden, 4)
        self.value = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)

    def forward(self, x):
        h = self.body(x)
        return Categorical(logits=self.policy(h)), self.value(h).squeeze(-1)


def rollout(model, env, n):
    """Play n episodes to their end; each entry of the lists is one step of all of them."""
    log_probs, values, entropies, rewards, alive = [], [], [], [], []
    state, done = env.reset(n), torch.zeros(n, dtype=torch.bool)
    while not done.all() and len(rewards) < HORIZON:
        policy, value = model(state)
        action = policy.sample()
        alive.append((~done).float())
        state, reward, done = env.step(action.numpy())
        log_probs.append(policy.log_prob(action))
        entropies.append(policy.entropy())
        values.append(value)
        rewards.append(reward)
    return [torch.stack(part) for part in (log_probs, values, entropies, rewards, alive)]


def returns_of(rewards, gamma):
    total, out = torch.zeros(rewards.shape[1]), []
    for reward in rewards.flip(0):
        total = reward + gamma * total
        out.append(total)
    return torch.stack(out).flip(0)


@torch.no_grad()
def mean_steps(model, env):
    """Steps to the goal under the policy; who does not get there has used up the horizon."""
    state, steps = env.reset(), 0.0
    for _ in range(HORIZON - 1):
        state, _, done = env.step(model(state)[0].sample().numpy())
        steps += (~done).float().mean().item()
    return 1 + steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--gamma", type=float, default=0.97)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    free = np.argwhere(~WALL)
    pairs = np.array([(a, b) for a in free for b in free if (a != b).any()])
    pairs = pairs[np.random.default_rng(5).permutation(len(pairs))]
    env, test_env = Grid(pairs[: -len(pairs) // 4], rng), Grid(pairs[-len(pairs) // 4 :], rng)

    model = ActorCritic()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for update in range(1, args.updates + 1):
        log_probs, values, entropies, rewards, alive = rollout(model, env, 64)
        returns = returns_of(rewards, args.gamma)
        advantage = (returns - values).detach()
        policy_loss = -(alive * log_probs * advantage).sum() / alive.sum()
        value_loss = (alive * (returns - values).pow(2)).sum() / alive.sum()
        entropy = (alive * entropies).sum() / alive.sum()
        loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        if update % 20 == 0:
            print(
                f"update {update}: return {rewards.sum(0).mean():.3f}, "
                f"value loss {value_loss.item():.3f}, entropy {entropy.item():.3f}"
            )
    print(f"mean steps to goal: {mean_steps(model, test_env):.3f}")


if __name__ == "__main__":
    main()
