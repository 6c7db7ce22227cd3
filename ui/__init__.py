"""What the pages are made of. It only shows; the work is `optim`'s."""
