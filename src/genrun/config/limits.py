"""What each number may be. By the last part of its key: a name means the same wherever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Limit(NamedTuple):
    """What a number may be."""

    allows: Callable[[float], bool]
    text: str
    whole: bool = False


def _each(names: str, limit: Limit) -> dict[str, Limit]:
    return dict.fromkeys(names.split(), limit)


AT_LEAST_0 = Limit(lambda v: v >= 0, "at least 0")
WHOLE_FROM_0 = Limit(lambda v: v >= 0, "at least 0", whole=True)
AT_LEAST_1 = Limit(lambda v: v >= 1, "at least 1", whole=True)
UP_TO_100000 = Limit(lambda v: 1 <= v <= 100_000, "from 1 to 100000", whole=True)
UP_TO_1000 = Limit(lambda v: 1 <= v <= 1000, "from 1 to 1000", whole=True)
FROM_2_TO_100000 = Limit(lambda v: 2 <= v <= 100_000, "from 2 to 100000", whole=True)
SEED = Limit(lambda v: 0 <= v < 2**63, "from 0 to 2^63 - 1", whole=True)
AT_LEAST_2 = Limit(lambda v: v >= 2, "at least 2", whole=True)
ABOVE_0 = Limit(lambda v: v > 0, "above 0")
BELOW_1 = Limit(lambda v: 0 <= v < 1, "from 0 to below 1")
INSIDE_1 = Limit(lambda v: 0 < v < 1, "above 0 and below 1")
UP_TO_1 = Limit(lambda v: 0 < v <= 1, "above 0 and at most 1")

LIMITS: dict[str, Limit] = {
    **_each("seed binarization_seed", SEED),
    "steps": Limit(lambda v: 1 <= v < 10**10, "from 1 to 9999999999", whole=True),
    "epochs": Limit(lambda v: 1 <= v <= 10**9, "from 1 to 1000000000", whole=True),
    **_each("log_every evaluate_every save_every sample_every step_size", AT_LEAST_1),
    **_each("batch_size held_out size channels threads examples", AT_LEAST_1),
    **_each("latent_dim hidden discriminator_turns", AT_LEAST_1),
    **_each("positions codes code_dim prior_width spline_bins", AT_LEAST_1),
    **_each("prior_layers couplings", UP_TO_1000),
    "logit_margin": Limit(lambda v: 0 < v < 0.5, "above 0 and below 0.5"),
    **_each("commitment feature_weight", AT_LEAST_0),
    **_each("importance_samples training_samples projections", UP_TO_100000),
    **_each("patience T_max strip strips", AT_LEAST_1),
    **_each("samples resamples", FROM_2_TO_100000),
    **_each("neighbours", AT_LEAST_1),
    **_each("window", AT_LEAST_2),
    **_each("jobs give_up_after trials seeds batch", AT_LEAST_1),
    **_each("reduction_factor fast_steps", AT_LEAST_2),
    "slow_step_size": INSIDE_1,
    **_each("startup_trials test", WHOLE_FROM_0),
    **_each("ns_steps", Limit(lambda v: 1 <= v < 100, "from 1 to 99", whole=True)),
    **_each("max_iter max_eval history_size", UP_TO_100000),
    **_each("precondition_frequency max_precondition_dim slice_p", AT_LEAST_1),
    **_each("t_alpha_beta3 d0 d_coef growth_rate", ABOVE_0),
    "n_jobs": Limit(lambda v: v != 0, "a number of jobs, or -1 for one a core", whole=True),
    **_each("cpus_per_task timeout_min nodes tasks_per_node array_parallelism", AT_LEAST_1),
    **_each("retries max_num_timeout signal_delay_s gpus_per_node", WHOLE_FROM_0),
    **_each("timeout_seconds flush_seconds", ABOVE_0),
    **_each("adamw_lr alpha r weight_lr_power tolerance_grad tolerance_change", AT_LEAST_0),
    **_each("heads noise_levels", AT_LEAST_1),
    **_each("attention_levels blocks exact_trace_up_to", WHOLE_FROM_0),
    "sampling_steps": UP_TO_100000,
    **_each("sigma_data noise_deviation sigma_min sigma_max step_exponent", ABOVE_0),
    **_each("churn churn_lowest churn_highest churn_deviation", AT_LEAST_0),
    "solver_tolerance": Limit(lambda v: 1e-12 <= v <= 0.1, "from 1e-12 to 0.1"),
    **_each("lr weight_decay lr_decay eta_min min_lr gamma weight threshold", AT_LEAST_0),
    **_each("min_delta tolerance standard_errors", AT_LEAST_0),
    **_each("warmup_steps cooldown total_iters", WHOLE_FROM_0),
    **_each("initial_accumulator_value", AT_LEAST_0),
    **_each("eps max_norm seconds flops factor start_factor", ABOVE_0),
    **_each("modes arms rows squares", UP_TO_1000),
    "count": Limit(lambda v: 2 <= v <= 10_000_000, "from 2 to 10000000", whole=True),
    "least_samples": AT_LEAST_1,
    **_each("radius std spacing turns side within", ABOVE_0),
    **_each("betas momentum beta3 shampoo_beta rho p smoothing decay", BELOW_1),
    **_each("real_target", UP_TO_1),
    **_each("limit std nats", ABOVE_0),
    **_each("anneal_steps cycle_steps groups interval images_to_1", AT_LEAST_1),
    **_each("translation cutout", BELOW_1),
    "target": Limit(lambda v: -1 < v < 1, "above -1 and below 1"),
    **_each("kl_weight overpowering_accuracy mode_collapse_spread", AT_LEAST_0),
    **_each("posterior_collapse_kl", AT_LEAST_0),
    **_each("overpowering_steps mode_collapse_evaluations", AT_LEAST_1),
    **_each("posterior_collapse_epochs explosion_rows explosion_history", AT_LEAST_1),
    **_each("explosion_factor", Limit(lambda v: v > 1, "above 1")),
}
