"""Registered torch classes of the kinds of data: texts (a GRU, a small Transformer), images (a CNN), sequences."""

import numpy as np
import torch

GOOD = ("great", "lovely", "superb", "friendly", "quick", "tasty")
BAD = ("awful", "slow", "rude", "bland", "broken", "late")
PLAIN = ("the", "service", "was", "and", "food", "came", "we", "ate", "here", "today", "very", "table")
VOCABULARY = ("", "?", *PLAIN, *GOOD, *BAD)
LENGTH = 16


def tokens(texts):
    """Return word numbers [n, LENGTH]: 0 is padding, 1 an unknown word."""
    places = {word: number for number, word in enumerate(VOCABULARY)}
    found = np.zeros((len(texts), LENGTH), dtype=np.int64)
    for row, text in enumerate(texts):
        for at, word in enumerate((text or "").lower().split()[:LENGTH]):
            found[row, at] = places.get(word, 1)
    return found


class _Kind(torch.nn.Module):
    @classmethod
    def from_config(cls, config):
        return cls()

    @property
    def place(self):
        return next(self.parameters()).device


class TextGru(_Kind):
    """Whether a review is good, read word by word by a recurrent network."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(len(VOCABULARY), 8, padding_idx=0)
        self.gru = torch.nn.GRU(8, 16, batch_first=True)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, words):
        return self.head(self.gru(self.embedding(words))[0][:, -1])[:, 0]

    def predict(self, columns):
        words = torch.from_numpy(tokens(columns["text"].tolist())).to(self.place)
        return torch.sigmoid(self(words)).double().cpu().numpy()


class TextTransformer(TextGru):
    """The same by attention over the words, averaged."""

    def __init__(self):
        _Kind.__init__(self)
        self.embedding = torch.nn.Embedding(len(VOCABULARY), 16, padding_idx=0)
        self.place_of = torch.nn.Parameter(torch.zeros(LENGTH, 16))
        self.layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, words):
        there = (words > 0).float()[:, :, None]
        read = self.layer(self.embedding(words) + self.place_of) * there
        return self.head(read.sum(dim=1) / there.sum(dim=1).clamp(min=1))[:, 0]


class ImageCnn(_Kind):
    """Which of ten digits an image of 8 × 8 pixels (0 to 16) shows."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(512, 10),
        )  # fmt: skip

    def forward(self, pixels):
        return self.layers(pixels)

    def predict(self, columns):
        pixels = torch.from_numpy(np.stack(columns["image"]).astype(np.float32) / 16)[:, None].to(self.place)
        return torch.softmax(self(pixels), dim=1).double().cpu().numpy()


class Sequences(_Kind):
    """Whether a machine is about to fail, from 24 hours of three sensors: the second one is too hot lately."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv1d(3, 8, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(8 * 24, 1)
        )

    def forward(self, series):
        return self.layers(series)[:, 0]

    def predict(self, columns):
        series = np.nan_to_num(np.stack(columns["sensors"]).astype(np.float32))
        return torch.sigmoid(self(torch.from_numpy(series).transpose(1, 2).to(self.place))).double().cpu().numpy()


def reviews(count, seed=0):
    """Return texts and whether they are good: more good words than bad ones."""
    rng = np.random.default_rng(seed)
    texts, good = [], []
    while len(texts) < count:
        words = rng.choice(PLAIN, rng.integers(4, 9)).tolist()
        mood = rng.integers(0, 2, rng.choice([1, 3])).tolist()
        for each in mood:
            words.insert(int(rng.integers(0, len(words) + 1)), str(rng.choice(GOOD if each else BAD)))
        texts.append(" ".join(words))
        good.append(int(np.mean(mood) > 0.5))
    return texts, good


def digits():
    """Return the images [n, 8, 8] of digits inside scikit-learn, and what they show."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.uint8), found.target


def machines(count, seed=0):
    """Return series [n, 24, 3], and whether the second sensor is hot in the last six hours."""
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(count, 24, 3))
    hot = rng.integers(0, 2, count)
    series[:, 18:, 1] += 2.0 * hot[:, None]
    return series, hot


def trained(cls, inputs, answers, rounds=60, seed=0):
    """Return a module of a class, trained in a second or two; the caller's random numbers stay as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small that a second thread only waits for the first
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = cls.from_config({})
        several = int(np.max(answers)) > 1
        loss = torch.nn.CrossEntropyLoss() if several else torch.nn.BCEWithLogitsLoss()
        wanted = torch.as_tensor(answers, dtype=torch.long if several else torch.float32)
        step = torch.optim.Adam(module.parameters(), 0.02)
        for _ in range(rounds):
            chosen = torch.randperm(len(wanted))[:128]
            step.zero_grad()
            loss(module(inputs[chosen]), wanted[chosen]).backward()
            step.step()
    torch.set_num_threads(threads)
    return module.eval().requires_grad_(False)
