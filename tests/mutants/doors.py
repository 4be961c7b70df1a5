"""Doors left open: what a user is likely to get wrong passes, and gives a number."""

from mutant import Mutant

LATENTS = "objectives/_latents.py"
AIS = "objectives/ais.py"
SAMPLING = "objectives/diffusion/sampling.py"
FIXED = "objectives/schedules/fixed.py"


def door(name: str, *rest: str) -> Mutant:
    return Mutant(f"objectives/test_doors.py::test_{name}", *rest)


MUTANTS = [
    door("latents_of_another_shape", "latents of any shape", LATENTS, "if z.shape[many:] != one", "if False"),
    door(
        "samples_without_an_axis_of_their_own[iwae]",
        "draws shared among examples",
        LATENTS,
        " or (many and z.ndim != len(one) + 1):",
        " and not many:",
    ),
    door(
        "coordinates_taken_into_the_event_keep_the_closed_form",
        "the closed form lost in `independent`",
        LATENTS,
        "isinstance(distribution, independent)",
        "False",
    ),
    door(
        "log_z_is_one_number",
        "a log Z for each example",
        "objectives/energy.py",
        "or jnp.shape(log_z) != ():",
        "and False:",
    ),
    door("betas_rise_from_0_to_1", "betas that fall", AIS, "if not rising or", "if False and"),
    door("there_is_a_chain", "no chain at all", AIS, "if num_chains < 1:", "if False:"),
    door("a_schedule_of_ones_own_rises", "a schedule that falls", FIXED, "check(schedule, num_times=101)", "pass"),
    door("samplers_go_from_noise_to_data", "times that rise", SAMPLING, "if times is not None and not", "if False and"),
    door(
        "times_are_not_numbers_of_steps",
        "times in steps",
        "objectives/diffusion/_parts.py",
        "outside & np.asarray(keep)).any():",
        "outside & np.asarray(keep)).all() and False:",
    ),
    door(
        "preferences_come_in_pairs",
        "an array of two taken for a pair",
        "objectives/preference.py",
        "if not isinstance(pair, tuple) or len(pair) != 2:",
        "if False:",
    ),
    door(
        "a_game_is_no_name",
        "a name taken for a game",
        "objectives/adversarial/games.py",
        "if not isinstance(game, Game):",
        "if False:",
    ),
]
