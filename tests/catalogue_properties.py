"""What the tests of the catalogue ask of every result, for results of a module that the catalogue does not list yet."""

import test_bounds_accuracy as accuracy
import test_bounds_broadcasting as broadcasting
import test_bounds_catalogue as catalogue
import test_bounds_domains as domains

OF_A_RESULT = (
    catalogue.test_finite_and_of_the_right_sign_on_typical_values,
    catalogue.test_typical_values_lie_in_the_domain_and_vary,
    catalogue.test_texts_and_names,
    catalogue.test_the_expression_uses_its_parameters_only,
    catalogue.test_the_proof_is_in_the_book,
    catalogue.test_the_source_is_in_the_bibliography,
    catalogue.test_renders,
)
OF_A_KEY = (
    accuracy.test_agrees_with_fifty_digits,
    domains.test_names,
    broadcasting.test_empty_arrays,
    broadcasting.test_a_point_is_a_float64,
    broadcasting.test_broadcasting_is_pointwise,
)


def check(result, monkeypatch, **extremes):
    """Run them all; `extremes` are values of parameters at which double precision meets 50 digits."""
    for module in (accuracy, broadcasting, domains):
        monkeypatch.setitem(module.BY_KEY, result.key, result)
    for name, values in extremes.items():
        monkeypatch.setitem(accuracy.EXTREMES, name, values)
    for test in OF_A_RESULT:
        test(result)
    for test in OF_A_KEY:
        test(result.key)
    for rate in result.rates:
        catalogue.test_the_claimed_rate_is_the_limit(result, rate)
    if any(condition.integer for condition in result.conditions):
        for how in ("call", "evalf"):
            domains.test_counts_must_be_whole(result.key, how)
