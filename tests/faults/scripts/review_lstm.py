"""Sentiment of short reviews (negative, neutral, positive) with an LSTM over padded word sequences."""

import argparse
import random
from collections import Counter

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD_IDX, UNK_IDX = 0, 1
GOOD = ["good", "great", "lovely", "tasty", "friendly", "fresh", "excellent", "charming"]
BAD = ["bad", "awful", "bland", "rude", "stale", "horrible", "noisy", "dirty"]
THINGS = ["food", "service", "soup", "waiter", "room", "music", "wine", "menu", "kitchen"]
VERBS = ["was", "is", "seemed", "felt"]
FILLERS = [
    "we came on a monday",
    "my sister had booked a table for two",
    "it is close to the station",
    "they open at six",
    "the place has two floors and a bar",
    "i had read about it in the paper",
    "we stayed for about an hour",
]
LABELS = ["negative", "neutral", "positive"]


def clause(rng):
    """An opinion on one thing, and whether it is a good one."""
    good = rng.random() < 0.5
    word = rng.choice(GOOD if good else BAD)
    words = ["the", rng.choice(THINGS), rng.choice(VERBS)]
    if rng.random() < 0.35:
        words.append(rng.choice(["not", "never", "hardly"]))
        good = not good
    if rng.random() < 0.4:
        words.append(rng.choice(["very", "really", "so"]))
    return words + [word], 1 if good else -1


def write_review(rng):
    parts, total = [], 0
    for _ in range(rng.randint(1, 2)):
        words, value = clause(rng)
        parts.append(words)
        total += value
    for _ in range(rng.randint(0, 1)):
        parts.insert(rng.randint(0, len(parts)), rng.choice(FILLERS).split())
    text = " and ".join(" ".join(words) for words in parts)
    return text, (total > 0) - (total < 0) + 1


def build_vocab(texts, min_freq=2):
    counter = Counter(word for text in texts for word in text.split())
    words = sorted(word for word, count in counter.items() if count >= min_freq)
    return {word: i for i, word in enumerate(words, start=2)}


class ReviewDataset(torch.utils.data.Dataset):
    def __init__(self, reviews, vocab):
        self.items = [
            (torch.tensor([vocab.get(word, UNK_IDX) for word in text.split()]), label)
            for text, label in reviews
        ]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def collate_batch(batch):
    sequences, labels = zip(*batch, strict=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    padded = pad_sequence(sequences, batch_first=True, padding_value=PAD_IDX)
    return padded, lengths, torch.tensor(labels)


class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, embed_dim=32, hidden_dim=48, dropout=0.2):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=PAD_IDX)
        self.lstm = nn.LSTM(embed_dim, hidden_dim, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_dim, len(LABELS))

    def forward(self, tokens, lengths):
        embedded = self.embedding(tokens)
        output, _ = self.lstm(embedded)
        mask = (tokens != PAD_IDX).unsqueeze(-1)
        pooled = (output * mask).sum(dim=1) / lengths.unsqueeze(-1)
        return self.classifier(self.dropout(pooled))


def train(model, loader, optimizer, criterion, max_norm=1.0):
    model.train()
    total_loss, total_correct, total = 0.0, 0, 0
    for tokens, lengths, labels in loader:
        optimizer.zero_grad()
        logits = model(tokens, lengths)
        loss = criterion(logits, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total_loss += loss.item() * len(labels)
        total_correct += (logits.argmax(dim=1) == labels).sum().item()
        total += len(labels)
    return total_loss / total, total_correct / total


def evaluate(model, loader):
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for tokens, lengths, labels in loader:
            correct += (model(tokens, lengths).argmax(dim=1) == labels).sum().item()
            total += len(labels)
    return correct / total


def main(seed, num_epochs, batch_size):
    torch.manual_seed(seed)
    rng = random.Random(seed)
    reviews = sorted({write_review(rng) for _ in range(4000)})
    rng.shuffle(reviews)
    test_reviews, valid_reviews, train_reviews = reviews[:800], reviews[800:1100], reviews[1100:]

    vocab = build_vocab(text for text, _ in train_reviews)
    train_data = ReviewDataset(train_reviews, vocab)
    valid_data = ReviewDataset(valid_reviews, vocab)
    test_data = ReviewDataset(test_reviews, vocab)
    train_loader = DataLoader(train_data, batch_size=batch_size, shuffle=True, collate_fn=collate_batch)
    valid_loader = DataLoader(valid_data, batch_size=200, collate_fn=collate_batch)
    test_loader = DataLoader(test_data, batch_size=200, collate_fn=collate_batch)

    model = SentimentLSTM(len(vocab) + 2)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[5, 6], gamma=0.3)
    for epoch in range(1, num_epochs + 1):
        loss, accuracy = train(model, train_loader, optimizer, criterion)
        scheduler.step()
        valid_accuracy = evaluate(model, valid_loader)
        print(f"Epoch: {epoch} | loss: {loss:.3f} | acc: {accuracy:.3f} | valid acc: {valid_accuracy:.3f}")

    print(f"Test accuracy: {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num-epochs", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=50)
    arguments = parser.parse_args()
    main(arguments.seed, arguments.num_epochs, arguments.batch_size)
