"""The explorer: its rows, and the page in a headless browser without network."""

import io
import re
from pathlib import Path

import numpy as np
import pytest

import jamming.explorer
from helpers import synthetic, synthetic_folder
from helpers.browser import browser, browser_needed  # noqa: F401 (a fixture)
from helpers.planned_jobs import needed_by
from jamming.__main__ import main
from jamming.explorer import ExplorerError
from jamming.explorer.collect import MATRICES, collect, histogram_line, place, spectrum
from jamming.explorer.page import Details, render

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results():
    return synthetic.make_results(width=4, n_points=4, replicas=2)


@pytest.fixture(scope="module")
def runs(results):
    return collect(results)


def test_every_replica_and_every_width_tried_is_a_row(results, runs):
    trained = sum(len(result.tree) for sweep in results["runs"].values() for result in sweep)
    tried = sum(
        len(replica["attempts"]["width"])
        for line in results["lines"].values()
        for result in line
        for replica in result.tree.values()
    )
    assert len(runs) == trained + tried


def test_a_row_says_how_its_run_ended(results, runs):
    result = results["runs"]["relu_L3"][-1]
    replica = result.tree["replica_01"]
    (run,) = [run for run in runs if run.name == "relu_L3, replica 2" and run.n_train == result.spec["n_train"]]
    assert run.n_delta_over_n == pytest.approx(replica["record"]["n_delta"][-1] / replica["n_weights"])
    assert run.loss == pytest.approx(replica["record"]["loss"][-1])
    assert run.learning.x == [step for step in replica["record"]["step"].tolist() if step > 0]
    assert run.learning.y[-1] == pytest.approx(run.n_delta_over_n, rel=1e-3)
    assert (run.dataset, run.depth) == ("random", "L = 3")


def test_a_loss_at_another_margin_is_given_for_one_half(results):
    def shown(margin):
        result = results["runs"]["relu_L2"][-1]
        result.spec["protocol"]["margin"], before = margin, result.spec["protocol"]["margin"]
        found = collect({"runs": {"relu_L2": [result]}})[0].loss
        result.spec["protocol"]["margin"] = before
        return found

    assert shown(0.5) > 0 and shown(1.0) == pytest.approx(shown(0.5) / 4)


def test_what_was_not_measured_is_said(results, runs):
    by_sweep = {run.name.split(",")[0]: run for run in runs}
    attempt = by_sweep["line_hinge_L2"]
    assert not attempt.learning.y and attempt.learning.note.startswith("not measured")
    assert all(curve.note.startswith("not measured") for curve in attempt.spectra.values())
    unmeasured = by_sweep["generalization_L5"]
    assert unmeasured.learning.y and unmeasured.positive.note == "not measured for this sweep"
    converged = [run for run in runs if run.name.startswith("relu_L2") and run.n_delta_over_n == 0]
    assert converged and converged[0].positive.note == "every pattern is satisfied" and converged[0].negative.y
    assert "not near jamming" in converged[0].spectra["hp"].note
    measured = [run for run in runs if run.spectra["hp"].y]
    assert measured and all(all(run.spectra[matrix].y for matrix in MATRICES) for run in measured)


def area(curve):
    x, y = np.array(curve.x), np.nan_to_num(np.array(curve.y))
    return np.sum((x[1::2] - x[::2]) * y[::2])


def test_a_spectrum_is_a_density_without_zeros_and_tails():
    generator = np.random.default_rng(1)
    values = np.concatenate([generator.standard_normal(4000), np.zeros(1000), [1e3]])
    drawn = spectrum(values, 1e-12)
    assert area(drawn) == pytest.approx(0.8 * 0.98, abs=0.01)
    middle = np.argmin(np.abs(np.array(drawn.x)))
    assert drawn.y[middle] == pytest.approx(0.8 / np.sqrt(2 * np.pi), rel=0.15)
    assert drawn.note.startswith("5001 eigenvalues, 1000 zero, ") and "to 1e+03" in drawn.note
    assert spectrum(np.zeros(5), 1e-12).note == "all eigenvalues are zero"
    assert area(spectrum(np.array([2.0, 0.0]), 1e-12)) == pytest.approx(0.5, rel=1e-3)


def test_empty_bins_are_gaps():
    curve = histogram_line(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.5, 0.0, 0.25]))
    assert curve.x == [0, 1, 1, 2, 2, 4]
    assert np.isnan(curve.y[2:4]).all() and curve.y[:2] == [0.5, 0.5] and curve.y[4:] == [0.25, 0.25]


def test_runs_at_the_same_place_do_not_hide_each_other(runs):
    x, y = place(runs)
    assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == len(runs)
    assert np.abs(np.log(x / [run.n_train for run in runs])).max() < 0.1


def test_no_run_is_one_sentence():
    with pytest.raises(ExplorerError, match="no run to show"):
        collect({"runs": {}, "lines": {}})


# The page


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    places = synthetic_folder.explored(synthetic_folder.make_folder(folder, replicas=2, figures=()))
    out = folder / "explorer.html"
    words = ["--inputs", *(str(folder / place) for place in places), "--preset", "smoke", "--out", str(out)]
    assert main(["explore", *words]) == 0
    return out


def test_the_page_is_one_small_file_that_loads_nothing(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert page_file.stat().st_size < 10e6
    assert not re.search(r"<link|<script[^>]* src|@import|url\(https?:", text)
    assert "preset smoke" in text and synthetic_folder.MADE["commit"][:12] in text


class Shown:
    """The page in a browser, with its messages and requests."""

    def __init__(self, page, address):
        self.page, self.said, self.asked = page, [], []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address)
        page.wait_for_function("() => window.Bokeh && Bokeh.documents.length == 1 && Bokeh.documents[0].is_idle")
        page.wait_for_function(f"() => {self.model('chosen')}.text != ''")
        self.first = self.value(f"{self.model('runs')}.selected.indices[0]")

    @staticmethod
    def model(name):
        return f"Bokeh.documents[0].get_model_by_name('{name}')"

    def value(self, expression):
        return self.page.evaluate(f"() => {expression}")

    def lines(self):
        """The data of the linked plots, by curve."""
        names = ("learning", "loss_curve", "positive", "negative", "spectrum")
        return {name: self.value(f"Array.from({self.model(f'shown_{name}')}.data.y)") for name in names}

    def column(self, name):
        return self.value(f"Array.from({self.model('runs')}.data['{name}'])")

    def visible(self):
        return np.array(self.value(f"{self.model('shown')}.booleans"))

    def pixel(self, index):
        """The position of a run on the screen."""
        return self.value(
            f"""(() => {{
                const plot = {self.model("plane")}, data = {self.model("runs")}.data
                const view = Bokeh.index.find_one(plot) ?? Array.from(Bokeh.index.query((v) => v.model === plot))[0]
                const box = view.el.getBoundingClientRect(), frame = view.frame
                const x = frame.x_scale.compute(data.x[{index}]), y = frame.y_scale.compute(data.y[{index}])
                const canvas = view.canvas_view.el.getBoundingClientRect()
                return [canvas.left + x, canvas.top + y]
            }})()"""
        )

    def choose(self, control, label):
        """Select an option in the list of a control, as a user does."""
        self.page.locator(f"select[name={control}]").select_option(label=label)
        self.page.wait_for_function("() => Bokeh.documents[0].is_idle")

    def picture(self):
        self.page.wait_for_timeout(300)
        return self.page.screenshot()


@pytest.fixture(scope="module")
def opened(browser, page_file):  # noqa: F811
    return Shown(browser.new_page(viewport={"width": 1400, "height": 820}), page_file.as_uri())


@pytest.fixture
def shown(opened):
    """The page as it is when it opens."""
    first = {"dataset": "all", "depth": "all", "kind": "all", "colour": "n_delta_over_n", "matrix": "hp"}
    for control, value in first.items():
        opened.value(f"{{ {opened.model(control)}.value = '{value}' }}")
    opened.value(f"{{ {opened.model('runs')}.selected.indices = [{opened.first}] }}")
    return opened


@browser_needed
def test_the_page_loads_without_errors_and_without_network(shown, page_file):
    assert shown.asked == [page_file.as_uri()]
    assert not [line for line in shown.said if line.startswith(("error", "warning"))], shown.said


@browser_needed
def test_the_page_is_not_blank(shown):
    from PIL import Image

    picture = np.asarray(Image.open(io.BytesIO(shown.picture())).convert("RGB")).astype(int)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200
    # Each quarter of the page shows something: the plane at the left, plots at the right.
    for rows in (slice(100, 400), slice(400, 700)):
        for columns in (slice(0, 600), slice(620, 1000), slice(1000, 1390)):
            assert picture[rows, columns].std() > 5


@browser_needed
def test_a_click_on_a_point_shows_what_is_known_of_it(shown):
    """After a click on another run the plots hold the curves of that run."""
    before = shown.lines()
    names, over_n = shown.column("name"), shown.column("n_delta_over_n")
    index = next(i for i, name in enumerate(names) if name.startswith("tanh_L3") and over_n[i] > 0.4)
    shown.page.mouse.click(*shown.pixel(index))
    shown.page.wait_for_function(f"() => {shown.model('chosen')}.text.includes('tanh_L3')")
    chosen = shown.value(f"{shown.model('runs')}.selected.indices[0]")
    assert names[chosen].startswith("tanh_L3")
    after = shown.lines()
    assert after["learning"] != before["learning"] and after["learning"][-1] == pytest.approx(over_n[chosen], rel=1e-3)
    assert after["loss_curve"] != before["loss_curve"] and after["positive"] and after["negative"]
    assert f"P = {shown.column('n_train')[chosen]}, " in shown.value(f"{shown.model('chosen')}.text")


@browser_needed
def test_a_width_of_a_search_has_nothing_measured_and_says_so(shown):
    index = next(i for i, name in enumerate(shown.column("name")) if "search" in name)
    shown.value(f"{{ {shown.model('runs')}.selected.indices = [{index}] }}")
    shown.page.wait_for_function(f"() => {shown.model('chosen')}.text.includes('search')")
    assert not any(shown.lines().values())
    notes = shown.value(
        "Array.from(Bokeh.documents[0]._all_models.values()).filter((m) => m.type == 'Label').map((m) => m.text)"
    )
    assert len(notes) == 4 and all(note.startswith("not measured") for note in notes)


@browser_needed
@pytest.mark.parametrize(
    ("control", "label", "value"),
    [
        ("dataset", "MNIST", "mnist"),
        ("depth", "L = 2", "L = 2"),
        ("kind", "widths of searches", "widths of searches"),
    ],
)
def test_controls_choose_which_runs_are_shown(shown, control, label, value):
    before = shown.picture()
    assert shown.visible().all()
    shown.choose(control, label)
    assert (shown.visible() == (np.array(shown.column(control)) == value)).all()
    assert 0 < shown.visible().sum() < len(shown.visible())
    assert shown.picture() != before
    shown.choose(control, "all")
    assert shown.visible().all()


@browser_needed
def test_controls_act_together(shown):
    shown.choose("dataset", "random data")
    shown.choose("depth", "L = 5")
    both = (np.array(shown.column("dataset")) == "random") & (np.array(shown.column("depth")) == "L = 5")
    assert (shown.visible() == both).all() and both.any()


@browser_needed
def test_colours_can_be_those_of_the_loss(shown):
    before = shown.picture()
    shown.choose("colour", "𝓛")
    glyph = "Array.from(Bokeh.documents[0]._all_models.values()).find((m) => m.name == 'points').glyph"
    assert shown.value(f"{glyph}.fill_color.field") == "loss"
    bars = "Array.from(Bokeh.documents[0]._all_models.values()).filter((m) => m.type == 'ColorBar')"
    assert sorted(shown.value(f"{bars}.map((m) => [m.title, m.visible])")) == [["N_Δ/N", False], ["𝓛", True]]
    assert shown.picture() != before


@browser_needed
def test_another_matrix_shows_another_spectrum(shown):
    spectra = []
    for label in MATRICES.values():
        shown.choose("matrix", label)
        spectra.append(shown.lines()["spectrum"])
    assert all(spectra) and spectra[0] != spectra[1] != spectra[2] != spectra[0]


# Results of somebody else

HOSTILE = """</script><img src=x onerror="document.title='ran'"> {{7*7}} ${7*7} & $$x$$ <b>"""


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory):
    """A page of results in which every text, the preset and the commits are HTML that would run."""
    results = synthetic.make_results(width=4, n_points=4, replicas=1)
    for result in (result for kind in results.values() for sweep in kind.values() for result in sweep):
        spec = result.spec.get("run", result.spec)
        network = spec.get("network", {})
        for texts, keys in ((spec, ("sweep", "line", "dataset")), (network, ("activation", "depth"))):
            texts.update({key: f"{texts[key]} {HOSTILE}" for key in keys if key in texts})
        spec["protocol"]["name"] += HOSTILE
    out = tmp_path_factory.mktemp("hostile") / "explorer.html"
    out.write_text(render(collect(results), f"smoke {HOSTILE}", [HOSTILE]), encoding="utf-8")
    return out


def test_no_text_of_a_result_is_html_in_the_page(hostile_file):
    """Without a browser: all texts are escaped, and the script writes its one text as text."""
    page = hostile_file.read_text(encoding="utf-8")
    assert "onerror=" in page and "<img src=x" not in page and "</script><img" not in page
    chosen = Details(collect(synthetic.make_results(width=4, n_points=4))).chosen
    assert chosen.render_as_text
    for script in Path(jamming.explorer.__file__).parent.glob("*.js"):
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|<\w+>", script.read_text(encoding="utf-8"))


@browser_needed
def test_no_text_of_a_result_runs_in_the_browser(browser, hostile_file):  # noqa: F811
    """Every run is selected, hovered over and filtered for. The title stays, and no element is made from a name."""
    shown = Shown(browser.new_page(viewport={"width": 1400, "height": 820}), hostile_file.as_uri())
    title = shown.page.title()
    for index in range(0, len(shown.column("name")), 7):
        shown.value(f"{{ {shown.model('runs')}.selected.indices = [{index}] }}")
        shown.page.mouse.move(*shown.pixel(index))
        shown.page.wait_for_timeout(50)
        assert shown.page.locator("text=onerror").count() > 0
    for control in ("dataset", "depth"):
        shown.page.locator(f"select[name={control}]").select_option(index=1)
    shown.page.wait_for_timeout(300)
    assert "onerror" in shown.value(f"{shown.model('chosen')}.text")
    assert shown.page.locator("img[src=x]").count() == 0
    assert shown.page.title() == title and "ran" not in title.split()[0]
    assert shown.asked == [hostile_file.as_uri()]


def test_snakemake_plans_the_page_and_what_it_shows(plan_of):
    needed = needed_by(plan_of("smoke"), "explorer")
    for rule in ("draw_explorer", "train", "find_transition", "measure_gaps_relu_L3", "measure"):
        assert needed[rule], rule
