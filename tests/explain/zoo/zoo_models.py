"""Registered torch classes for the tests: a small network, and ones that misbehave."""

import ctypes
import os
import random
import sys
import threading

import numpy as np
import torch

CARRIERS = ("AA", "B6", "UA")


class Linear(torch.nn.Module):
    """P = bias + w · x, with one weight per carrier (unknown or null: 0) and null numbers as 0."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = numbers
        self.weight = torch.nn.Parameter(torch.zeros(len(numbers), dtype=torch.float64))
        self.carrier = torch.nn.Parameter(torch.zeros(len(CARRIERS), dtype=torch.float64))
        self.bias = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    @classmethod
    def from_config(cls, config):
        return cls(config["numbers"])

    def predict(self, columns):
        numbers = torch.from_numpy(np.nan_to_num(np.stack([columns[name] for name in self.numbers], axis=1)))
        known = np.array([[value == carrier for carrier in CARRIERS] for value in columns["carrier"]], dtype=float)
        return (self.bias + numbers @ self.weight + torch.from_numpy(known) @ self.carrier).numpy()


class Network(torch.nn.Module):
    """A float32 network over the same columns, with interactions."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = numbers
        self.embedding = torch.nn.Embedding(len(CARRIERS) + 1, 3)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(3 + 2 * len(numbers), 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
        )

    @classmethod
    def from_config(cls, config):
        return cls(config["numbers"])

    def predict(self, columns):
        raw = np.stack([columns[name] for name in self.numbers], axis=1)
        numbers = np.concatenate([np.nan_to_num(raw), np.isnan(raw)], axis=1).astype(np.float32)
        codes = [CARRIERS.index(value) + 1 if value in CARRIERS else 0 for value in columns["carrier"]]
        inputs = torch.cat([self.embedding(torch.tensor(codes)), torch.from_numpy(numbers)], dim=1)
        return torch.sigmoid(self.layers(inputs)).double().numpy()[:, 0]


class Classes(Linear):
    """Three classes."""

    def predict(self, columns):
        first = np.tanh(super().predict(columns)) / 4
        return np.stack([0.25 + first, 0.25 - first, np.full(len(first), 0.5)], axis=1)


class Dies(Linear):
    """Ends its process."""

    def predict(self, columns):
        os._exit(3)


class Hangs(Linear):
    """Never answers."""

    def predict(self, columns):
        threading.Event().wait()


class Hungry(Linear):
    """Asks for 64 GB."""

    def predict(self, columns):
        return np.ones(8 * 2**30)[: len(columns["carrier"])]


class Broken(Linear):
    """Raises, as a model that cannot take a null does."""

    def predict(self, columns):
        raise TypeError("cannot encode None")


class NotFinite(Linear):
    """Answers NaN."""

    def predict(self, columns):
        return super().predict(columns) * np.nan


class Chatty(Linear):
    """Prints a megabyte for every batch, and once to the error stream."""

    def predict(self, columns):
        sys.stdout.write("x" * 1_000_000 + "\n")
        sys.stdout.flush()
        sys.stderr.write("chatty\n")
        return super().predict(columns)


class Tells(Linear):
    """Prints what is nobody else's business, in every way there is, and leaves it to the end to be written."""

    def predict(self, columns):
        sys.stdout.write("by Python: secret")
        sys.stderr.write("by Python: secret")
        ctypes.CDLL(None).puts(b"by C: secret")
        os.write(1, b"to the file: secret\n")
        return super().predict(columns)


class Silent(Linear):
    """Ends the process and says nothing; what libraries have not written yet, they write."""

    def predict(self, columns):
        ctypes.CDLL(None).exit(0)


class Reseeds(Linear):
    """Seeds every global generator it knows, and draws from them."""

    def predict(self, columns):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 - what it is here for
        torch.manual_seed(0)
        torch.rand(random.randint(1, 3))
        return super().predict(columns)


class Mutates(Linear):
    """Writes into what it is given, as careless preprocessing does."""

    def predict(self, columns):
        answers = super().predict(columns).copy()
        for name in self.numbers:
            columns[name] -= 1_000.0
        columns["carrier"][:] = None
        del columns["carrier"]
        return answers


class Huge(Linear):
    """Answers at both ends of all numbers."""

    def predict(self, columns):
        return np.where(np.nan_to_num(columns["delay"]) > 0, 1.7e308, -1.7e308)


class Exits(Linear):
    """Calls sys.exit, as a script does."""

    def predict(self, columns):
        sys.exit("that is all")


class NoModule:
    """Keeps half of the protocol."""

    @classmethod
    def from_config(cls, config):
        return cls()
