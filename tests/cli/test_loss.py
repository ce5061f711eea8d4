import pytest

import fnn
from fnn.data.mnist import load_mnist
from fnn.models import Spec
from fnn.recognizer.recognizer import untrained


def test_the_number_alone_on_standard_output(run, data):
    done = run("fnn-loss", "--params", "random", "--data", data)
    assert done.returncode == 0
    assert float(done.stdout) > 1
    assert done.stdout == f"{float(done.stdout)}\n"


def test_it_is_the_mean_over_the_chosen_images(run, data):
    done = run("fnn-loss", "--params", "random", "--data", data, "--batch-size", 100)
    found = untrained(Spec("mlp", (28, 28, 1), 10, {}))
    images, labels = load_mnist(data).test  # all 100 are chosen, in some order
    whole = fnn.evaluate(found.net, found.params, found.state, images, labels, prepare=fnn.to_float)
    assert float(done.stdout) == pytest.approx(whole.loss, rel=1e-5)


def test_the_choice_depends_only_on_the_seed(run, data):
    def printed(seed):
        args = ("--params", "random", "--data", data, "--batch-size", 20, "--seed", seed)
        return run("fnn-loss", *args).stdout

    assert printed(0) == printed(0)
    assert printed(0) != printed(1)


def test_more_images_than_there_are(run, refused, data):
    args = ("fnn-loss", "--params", "random", "--data", data, "--batch-size")
    refused(run(*args, 101), "--batch-size 101", "100 test images")
    refused(run(*args, 0), "--batch-size")
