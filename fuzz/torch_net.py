"""PyTorch's two kinds of file, in a process of their own: `python -m fuzz.torch_net FOLDER`."""

import sys

import torch


class Net(torch.nn.Module):
    """Two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = torch.nn.Linear(4, 16), torch.nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores of rows of four numbers."""
        return self.down(torch.relu(self.up(x)))


if __name__ == "__main__":
    torch.manual_seed(7)
    net, folder = Net().eval(), sys.argv[1]
    torch.jit.script(net).save(f"{folder}/scripted.pt")
    torch.export.save(torch.export.export(net, (torch.ones(1, 4),)), f"{folder}/exported.pt2")
