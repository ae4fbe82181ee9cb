//! Picks the next token from a row of logits, and says how likely it was.

use edgecoder_protocol::generation::Sampling;
use llama_cpp_2::token::LlamaToken;

/// How one answer's tokens are picked.
pub enum Chooser {
    /// The likeliest.
    Greedy,
    /// At random, among the likeliest that hold a share of probability.
    Random {
        /// Above 0; divides the logits of what was kept.
        temperature: f32,
        /// The share kept.
        top_p: f32,
        /// Where the random numbers stand.
        state: u64,
    },
}

/// A token, and its natural-log probability before temperature and top-p.
pub type Choice = (LlamaToken, f32);

impl Chooser {
    /// The chooser of candidate `index` among `candidates`.
    pub fn new(sampling: Sampling, index: u32, candidates: u32) -> Self {
        let Sampling {
            temperature,
            top_p,
            seed,
        } = sampling;
        if temperature <= 0.0 || (index == 0 && candidates > 1) {
            return Self::Greedy;
        }
        Self::Random {
            temperature,
            top_p,
            state: seed.wrapping_add(index).into(),
        }
    }

    /// Picks from one row of logits.
    ///
    /// llama.cpp's own chain is not used: it walks the tokens by falling likelihood, so that the last
    /// bits of two close logits, which change with what else is in the batch, decide which token a seed
    /// gives. Here the walk is by token number.
    pub fn choose(&mut self, logits: &[f32]) -> Choice {
        let (likeliest, max) = largest(logits);
        let sum = exp_sum(logits, max);
        let index = match self {
            Self::Greedy => likeliest,
            Self::Random {
                temperature,
                top_p,
                state,
            } => {
                let cut = cut(logits, max, sum, *top_p);
                let weight = |&logit: &f32| {
                    if logit < cut {
                        0.0
                    } else {
                        exp((logit - max) / *temperature)
                    }
                };
                let total: f32 = logits.iter().map(weight).sum();
                let mut left = unit(state) * total;
                let passed = logits.iter().position(|logit| {
                    left -= weight(logit);
                    left < 0.0
                });
                // Rounding may leave a rest beyond the last token.
                passed.unwrap_or(likeliest)
            }
        };
        let logprob = logits
            .get(index)
            .map_or(f32::NEG_INFINITY, |logit| logit - max)
            - sum.ln();
        (LlamaToken(i32::try_from(index).unwrap_or(0)), logprob)
    }
}

/// The smallest logit among the fewest tokens that together hold `top_p` of the probability.
fn cut(logits: &[f32], max: f32, sum: f32, top_p: f32) -> f32 {
    if top_p >= 1.0 {
        return f32::NEG_INFINITY;
    }
    // All tokens below this hold less than 1 - top_p together, so none of them is needed.
    let floor = max + ((1.0 - top_p) * sum / logits.len().max(1) as f32).ln();
    let mut kept: Vec<f32> = logits
        .iter()
        .copied()
        .filter(|&logit| logit >= floor)
        .collect();
    kept.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut left = top_p * sum;
    let last = kept.iter().find(|&&logit| {
        left -= exp(logit - max);
        left <= 0.0
    });
    last.copied().unwrap_or(floor)
}

/// The next random number of [0, 1): splitmix64 (Steele, Lea, Flood 2014).
fn unit(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
}

/// Lanes that the compiler can keep in one vector register.
const LANES: usize = 8;

/// Index and value of the first largest logit; index 0 when none is a number.
fn largest(logits: &[f32]) -> (usize, f32) {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = logits.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &logit) in lanes.iter_mut().zip(chunk) {
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    let max = lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    (
        logits.iter().position(|&logit| logit == max).unwrap_or(0),
        max,
    )
}

/// The sum of `e^(logit - max)`: one pass, a vector at a time, because a vocabulary may have 150,000
/// words and this runs for every token.
fn exp_sum(logits: &[f32], max: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let chunks = logits.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &logit) in lanes.iter_mut().zip(chunk) {
            *lane += exp(logit - max);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&logit| exp(logit - max)).sum::<f32>()
}

/// `e^x` for `x <= 0`, to about 3e-6: a power of two by exponent bits times a polynomial.
fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let power = x * std::f32::consts::LOG2_E;
    let rounded = power + ROUND;
    let f = power - (rounded - ROUND);
    // Taylor's series of 2^f, |f| <= 1/2.
    let series = 0.001_333_36_f32;
    let series = series * f + 0.009_618_13;
    let series = series * f + 0.055_504_11;
    let series = series * f + 0.240_226_5;
    let series = series * f + std::f32::consts::LN_2;
    let series = series * f + 1.0;
    f32::from_bits(series.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_exponential_is_close_to_the_exact_one() {
        for step in 0..8_600 {
            let x = -step as f32 / 100.0;
            let error = (exp(x) / x.exp() - 1.0).abs();
            assert!(error < 1e-5, "e^{x}: {} against {}", exp(x), x.exp());
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn the_first_largest_logit_wins_as_in_llama_cpp() {
        let mut logits: Vec<f32> = (0..37).map(|index| (index * 7 % 37) as f32).collect();
        logits[3] = 99.0;
        logits[36] = 99.0;
        assert_eq!(largest(&logits), (3, 99.0));
        assert_eq!(largest(&[f32::NAN, f32::NAN]).0, 0);
        let exact: f32 = logits.iter().map(|logit| (logit - 99.0).exp()).sum();
        assert!((exp_sum(&logits, 99.0) - exact).abs() < 1e-4);
    }

    fn counts(sampling: Sampling, logits: &[f32]) -> Vec<u32> {
        let mut chooser = Chooser::new(sampling, 0, 1);
        let mut counts = vec![0; logits.len()];
        for _ in 0..10_000 {
            counts[chooser.choose(logits).0.0 as usize] += 1;
        }
        counts
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        // Probabilities 0.1, 0.6, 0.3.
        let logits = [0.1_f32.ln(), 0.6_f32.ln(), 0.3_f32.ln()];
        let sampling = Sampling {
            temperature: 1.0,
            top_p: 1.0,
            seed: 5,
        };
        let near = |found: Vec<u32>, expected: [u32; 3]| {
            let is_near = found
                .iter()
                .zip(expected)
                .all(|(&found, wanted)| found.abs_diff(wanted) < 200);
            assert!(is_near, "{found:?} instead of {expected:?}");
        };
        near(counts(sampling, &logits), [1_000, 6_000, 3_000]);
        near(
            counts(
                Sampling {
                    top_p: 0.7,
                    ..sampling
                },
                &logits,
            ),
            [0, 6_667, 3_333],
        );
        near(
            counts(
                Sampling {
                    top_p: 0.6,
                    ..sampling
                },
                &logits,
            ),
            [0, 10_000, 0],
        );
        // The square roots of the odds.
        near(
            counts(
                Sampling {
                    temperature: 2.0,
                    ..sampling
                },
                &logits,
            ),
            [1_910, 4_680, 3_410],
        );
        near(
            counts(
                Sampling {
                    temperature: 0.0,
                    ..sampling
                },
                &logits,
            ),
            [0, 10_000, 0],
        );
        let (_, logprob) = Chooser::Greedy.choose(&logits);
        assert!((logprob - 0.6_f32.ln()).abs() < 1e-5);
    }
}
