"""How well photos of digits are read, by situation: python tests/bench/handwriting.py [--n 200]

The pictures are those of situations.py. Of each situation the table shows the shares that are read
rightly, wrongly, and refused; of pictures without a single digit, every answer is wrong. --sheet
writes what was read wrongly or refused, with what the network saw, as a picture.
"""

import argparse
import time

import numpy as np
from PIL import Image
from situations import SITUATIONS, pictures

import fnn
from fnn.losses import softmax
from fnn.recognizer.photos import LEAST, for_photos
from fnn.recognizer.picture import input_from_pixels, no_digit
from fnn.recognizer.recognizer import recognize

TILE = 96


def answer(found, picture, least):
    """The digit, its probability and the network's input; None for what is refused."""
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    try:
        images = input_from_pixels(found.spec, np.concatenate([picture, opaque], axis=2))
    except fnn.InputError:
        return None
    share = softmax(recognize(found, images))[0]
    if no_digit(share, least) is not None:
        return None
    return int(share.argmax()), float(share.max()), images[0]


def sheet(path, failures):
    """Failures as rows: the picture, and what the network saw."""
    columns = 10
    rows = -(-len(failures) // columns)
    page = Image.new("RGB", (columns * TILE, max(1, rows) * (TILE + 34)), "white")
    for place, (picture, found) in enumerate(failures):
        x, y = place % columns * TILE, place // columns * (TILE + 34)
        tile = Image.fromarray(picture)
        scale = (TILE - 4) / max(tile.size)
        page.paste(
            tile.resize((max(1, int(tile.width * scale)), max(1, int(tile.height * scale)))), (x, y)
        )
        if found is not None:
            page.paste(Image.fromarray(np.asarray(found[2]).reshape(28, 28)), (x, y + TILE))
    page.save(path)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--n", type=int, default=200, help="pictures of each situation (200)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--only", nargs="+", choices=SITUATIONS, default=SITUATIONS)
    p.add_argument("--params", help="a parameter file (default: those that come with fnn)")
    p.add_argument("--photos", action="store_true", help="with the last layers for photos")
    p.add_argument("--sheet", metavar="PNG", help="write a picture of the failures")
    args = p.parse_args()
    found = fnn.load_recognizer(args.params) if args.params else fnn.pretrained()
    least = LEAST if args.photos else 0.0
    if args.photos:
        found = for_photos(found)
    print(f"{'situation':20}{'read':>7}{'wrong':>7}{'refused':>9}{'sure and wrong':>16}{'ms':>6}")
    failures, begun = [], time.process_time()
    for name in args.only:
        made, begun = pictures(name, args.n, args.seed), time.process_time()
        answers = [answer(found, m.picture, least) for m in made]
        spent = (time.process_time() - begun) / len(made)
        right = [a is not None and a[0] == m.digit for a, m in zip(answers, made, strict=True)]
        refused = [a is None for a in answers]
        sure = [a is not None and a[1] > 0.9 and not r for a, r in zip(answers, right, strict=True)]
        wrong = 1 - np.mean(right) - np.mean(refused)
        print(
            f"{name:20}{np.mean(right):7.1%}{wrong:7.1%}{np.mean(refused):9.1%}{np.mean(sure):16.1%}"
            f"{1000 * spent:6.0f}",
            flush=True,
        )
        if args.sheet:
            bad = [(m.picture, a) for m, a, r in zip(made, answers, right, strict=True)
                   if not r and (m.digit is not None or a is not None)]  # fmt: skip
            failures += bad[:20] + [(np.full((9, 9, 3), 255, np.uint8), None)] * (
                -len(bad[:20]) % 10
            )
    if args.sheet:
        sheet(args.sheet, failures)


if __name__ == "__main__":
    main()
