"""Finding personal data: ShopFlow and Presidio's pattern recognisers on the same labelled values.

The values are synthetic: check digits computed from their definitions, and 29 families of values
that look like personal data and are not. Prints precision and recall per kind, then speed. A value
counts for Presidio with a score of at least 0.4 (what its telephone and PESEL patterns start
from); "any score" is the default of its engine. Each value is judged alone, without a column name;
ShopFlow's judgement of whole columns, also without their names, follows. Names of persons and
postal addresses need a language model in Presidio, which takes no part.

Fails when a kind that both know has a lower F1 than Presidio's.

Arguments: values per kind and family (100), seed (20260115).
"""

import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import tldextract
from presidio_analyzer import predefined_recognizers as presidio

from common import build_examples, example

# The list of top-level domains that comes with the package, without asking the network for a newer one.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())

HARMLESS_FAMILIES = 29
RECOGNISERS = {
    "email": [presidio.EmailRecognizer()],
    # The countries whose national numbers are among the values.
    "phone": [presidio.PhoneRecognizer(supported_regions=["US", "GB", "DE", "FR", "IN", "BR", "ES", "PL"])],
    "card_number": [presidio.CreditCardRecognizer()],
    "iban": [presidio.IbanRecognizer()],
    "us_ssn": [presidio.UsSsnRecognizer()],
    "uk_nino": [presidio.UkNinoRecognizer()],
    "de_steuer_id": [presidio.DeTaxIdRecognizer()],
    "es_nif": [presidio.EsNifRecognizer(), presidio.EsNieRecognizer()],
    "it_codice_fiscale": [presidio.ItFiscalCodeRecognizer()],
    "pl_pesel": [presidio.PlPeselRecognizer()],
    "in_aadhaar": [presidio.InAadhaarRecognizer()],
    "ip_address": [presidio.IpRecognizer()],
    "mac_address": [presidio.MacAddressRecognizer()],
}
MINIMUM_SCORE = 0.4


def with_presidio(values):
    """Counts of (label, kind) at the minimum score and at any score, and the seconds it took."""
    sure, any_score = Counter(), Counter()
    # Telephone metadata and compiled patterns are loaded on first use.
    for _, value in values[:: max(1, len(values) // 50)]:
        analyse(value)
    started = time.perf_counter()
    scores = [analyse(value) for _, value in values]
    seconds = time.perf_counter() - started
    for (label, _), found in zip(values, scores):
        for kind, score in found.items():
            any_score[label, kind] += 1
            sure[label, kind] += score >= MINIMUM_SCORE
    return sure, any_score, seconds


def analyse(value):
    found = {}
    for kind, recognisers in RECOGNISERS.items():
        for recogniser in recognisers:
            for result in recogniser.analyze(value, recogniser.supported_entities, None) or ():
                found[kind] = max(found.get(kind, 0), result.score)
    return found


def quality(predictions, kind, positives):
    """Precision, recall and F1 of one kind."""
    right = predictions[kind, kind]
    predicted = sum(count for (_, found), count in predictions.items() if found == kind)
    precision = right / predicted if predicted else 0.0
    recall = right / positives
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def confusions(title, predictions):
    wrong = Counter({pair: count for pair, count in predictions.items() if pair[0] != pair[1] and count})
    listed = ", ".join(f"{label} as {kind} {count}" for (label, kind), count in wrong.most_common(12))
    print(f"{title}: {listed or 'none'}")


def main():
    per_kind, seed = (int(argument) for argument in (sys.argv[1:] + ["100", "20260115"][len(sys.argv) - 1:]))
    build_examples()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labelled.tsv"
        ours = example("personal_data", per_kind, path, seed)
        values = [line.split("\t", 1) for line in path.read_text().split("\n") if line]
    assert len(values) == ours["values"], (len(values), ours["values"])
    by_value, by_column = (Counter({(label, kind): count for label, kind, count in ours[name]})
                           for name in ("by_value", "by_column"))
    sure, any_score, seconds = with_presidio(values)

    labels = list(dict.fromkeys(label for label, _ in values))
    kinds = labels[: len(labels) - HARMLESS_FAMILIES]
    print(f"seed {seed}: {len(values):,} values of {len(kinds)} kinds and {len(labels) - len(kinds)} harmless families")
    print("precision / recall   ShopFlow, value   Presidio >= 0.4   Presidio, any   ShopFlow, column")
    worse = []
    for kind in kinds:
        sides = [quality(by_value, kind, per_kind), quality(sure, kind, per_kind),
                 quality(any_score, kind, per_kind), quality(by_column, kind, ours["columns_per_kind"])]
        cells = [f"{precision:6.3f} / {recall:5.3f}" for precision, recall, _ in sides]
        if kind not in RECOGNISERS:
            cells[1] = cells[2] = "             -"
        elif sides[0][2] < sides[1][2]:
            worse.append(kind)
        print(f"  {kind:<18} {'   '.join(cells)}")
    print()
    confusions("mistaken by ShopFlow, values", by_value)
    confusions("mistaken by Presidio, values", sure)
    confusions("mistaken by ShopFlow, columns", by_column)
    speed = len(values) / seconds
    ratio = ours["values_per_second"] / speed
    print("\nvalues per second, one thread (goal: 100x)")
    print(f"  ShopFlow, {len(kinds)} kinds {ours['values_per_second']:14,.0f}")
    print(f"  Presidio {version('presidio_analyzer')}, {len(RECOGNISERS)} kinds {speed:10,.0f}   "
          f"ShopFlow is {ratio:,.0f}x as fast")
    assert not worse, f"Presidio is better at {', '.join(worse)}"


if __name__ == "__main__":
    main()
