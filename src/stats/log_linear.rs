//! A ridge-penalised log-linear regression of counts: `ln m = x' b`, fitted by weighted Fisher scoring.
//!
//! For a handful of columns (level, trend, harmonics) and hundreds of rows; larger problems want other algorithms.

/// Most columns a regression can have.
pub const MAX_COLUMNS: usize = 8;

/// One row of predictors; columns beyond the model's are zero.
pub type Row = [f64; MAX_COLUMNS];

/// Steps of Fisher scoring; from a warm start two or three are enough.
const STEPS: usize = 12;
/// Change of every coefficient below which the fit has settled.
const SETTLED: f64 = 1e-6;
/// Bounds of the linear predictor: beyond, counts would not fit their type.
const PREDICTOR: std::ops::RangeInclusive<f64> = -30.0..=35.0;

/// Where a coefficient is drawn to, and how strongly: `1/sd^2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    /// The coefficient's prior mean.
    pub center: f64,
    /// The inverse of its prior variance.
    pub precision: f64,
}

/// A fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLinear {
    columns: usize,
    coefficients: Row,
    /// Lower Cholesky factor of the penalised information matrix.
    factor: [Row; MAX_COLUMNS],
}

impl LogLinear {
    /// Fits `count ~ Poisson(exp(row' b))` with weights; the prior is the start unless `start` is given.
    ///
    /// ```text
    /// maximises  sum w (y eta - exp eta) / dispersion - sum precision (b - center)^2 / 2,   eta = x' b
    /// steps      b += (X' W X + P)^-1 (X' w (y - m) / dispersion - P (b - center)),   W = w m / dispersion,   each within [-2, 2]
    /// ```
    ///
    /// Source: `McCullagh` and Nelder 1989, section 2.5 (scoring) and chapter 6 (log-linear models); the ridge is a normal prior of the
    /// coefficients.
    pub fn fit(observations: &[(Row, f64, f64)], ridge: &[Ridge], dispersion: f64, start: Option<&Self>) -> Self {
        let columns = ridge.len();
        let mut center = [0.0; MAX_COLUMNS];
        center.iter_mut().zip(ridge).for_each(|(center, ridge)| *center = ridge.center);
        let coefficients = start.map_or(center, |start| start.coefficients);
        let mut fit = Self { columns, coefficients, factor: [[0.0; MAX_COLUMNS]; MAX_COLUMNS] };
        for _ in 0..STEPS {
            if fit.step(observations, ridge, dispersion) < SETTLED {
                break;
            }
        }
        fit
    }

    /// One step; the largest change of a coefficient.
    fn step(&mut self, observations: &[(Row, f64, f64)], ridge: &[Ridge], dispersion: f64) -> f64 {
        let columns = self.columns;
        let (mut information, mut gradient) = ([[0.0; MAX_COLUMNS]; MAX_COLUMNS], [0.0; MAX_COLUMNS]);
        for &(ref row, count, weight) in observations {
            let mean = self.mean(row);
            let (weighted, residual) = (weight * mean / dispersion, weight * (count - mean) / dispersion);
            for i in 0..columns {
                gradient[i] += residual * row[i];
                for j in 0..=i {
                    information[i][j] += weighted * row[i] * row[j];
                }
            }
        }
        for (i, ridge) in ridge.iter().enumerate() {
            information[i][i] += ridge.precision;
            gradient[i] -= ridge.precision * (self.coefficients[i] - ridge.center);
        }
        self.factor = cholesky(&information, columns);
        let change = self.solve(&gradient);
        let mut largest = 0.0_f64;
        for (coefficient, change) in self.coefficients.iter_mut().zip(change) {
            // A step of more than 2 on the log scale comes from a start far away; longer ones overshoot.
            let bounded = change.clamp(-2.0, 2.0);
            *coefficient += bounded;
            largest = largest.max(bounded.abs());
        }
        largest
    }

    /// Expected count at a row.
    pub fn mean(&self, row: &Row) -> f64 {
        let predictor: f64 = self.coefficients[..self.columns].iter().zip(row).map(|(b, x)| b * x).sum();
        predictor.clamp(*PREDICTOR.start(), *PREDICTOR.end()).exp()
    }

    /// Variance of the linear predictor at a row, `x' (X' W X + P)^-1 x`: about the relative variance of the mean.
    pub fn relative_variance(&self, row: &Row) -> f64 {
        let half = self.forward(row);
        half[..self.columns].iter().map(|value| value * value).sum()
    }

    /// Solves `L L' x = right`.
    fn solve(&self, right: &Row) -> Row {
        let mut x = self.forward(right);
        for i in (0..self.columns).rev() {
            let known: f64 = (i + 1..self.columns).map(|j| self.factor[j][i] * x[j]).sum();
            x[i] = (x[i] - known) / self.factor[i][i];
        }
        x
    }

    /// Solves `L x = right`.
    fn forward(&self, right: &Row) -> Row {
        let mut x = [0.0; MAX_COLUMNS];
        for i in 0..self.columns {
            let known: f64 = (0..i).map(|j| self.factor[i][j] * x[j]).sum();
            x[i] = (right[i] - known) / self.factor[i][i];
        }
        x
    }
}

/// Lower Cholesky factor of a positive definite matrix given by its lower half.
fn cholesky(matrix: &[Row; MAX_COLUMNS], columns: usize) -> [Row; MAX_COLUMNS] {
    let mut factor = [[0.0; MAX_COLUMNS]; MAX_COLUMNS];
    for i in 0..columns {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - known;
            factor[i][j] = if i == j { rest.max(1e-12).sqrt() } else { rest / factor[j][j] };
        }
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Ridge = Ridge { center: 0.0, precision: 1e-9 };

    fn row(values: &[f64]) -> Row {
        let mut row = [0.0; MAX_COLUMNS];
        row[..values.len()].copy_from_slice(values);
        row
    }

    #[test]
    fn a_level_alone_is_the_weighted_mean() {
        let data = [(row(&[1.0]), 4.0, 1.0), (row(&[1.0]), 10.0, 0.5)];
        let fit = LogLinear::fit(&data, &[FREE], 2.0, None);
        assert!((fit.mean(&row(&[1.0])) - 6.0).abs() < 1e-6);
        // Relative variance of a mean of quasi-Poisson counts: dispersion over the weighted total.
        assert!((fit.relative_variance(&row(&[1.0])) - 2.0 / 9.0).abs() < 1e-6);
    }

    #[test]
    fn counts_on_the_curve_give_the_curve() {
        let truth = |x: f64| (1.0 + 0.3 * x + 0.8 * (x * 0.7).sin()).exp();
        let at = |x: f64| row(&[1.0, x, (x * 0.7).sin()]);
        let data: Vec<_> =
            (0..60).map(|week| at(f64::from(week) / 10.0)).map(|row| (row, truth(row[1]), 1.0)).collect();
        let fit = LogLinear::fit(&data, &[FREE; 3], 1.0, None);
        assert!((fit.mean(&at(8.0)) - truth(8.0)).abs() < 1e-4 * truth(8.0));
        let again = LogLinear::fit(&data, &[FREE; 3], 1.0, Some(&fit));
        assert!((again.mean(&at(8.0)) - fit.mean(&at(8.0))).abs() < 1e-6);
    }

    #[test]
    fn a_strong_prior_wins_over_few_counts() {
        let data = [(row(&[1.0, 1.0]), 5.0, 1.0), (row(&[1.0, -1.0]), 1.0, 1.0)];
        let held = Ridge { center: 0.0, precision: 1e6 };
        let fit = LogLinear::fit(&data, &[FREE, held], 1.0, None);
        assert!((fit.mean(&row(&[1.0, 1.0])) - 3.0).abs() < 1e-3);
    }

    #[test]
    fn no_count_at_all_is_no_disaster() {
        let data: Vec<_> = (0..50).map(|week| (row(&[1.0, f64::from(week)]), 0.0, 1.0)).collect();
        let ridge = [Ridge { center: -3.0, precision: 0.1 }, Ridge { center: 0.0, precision: 4.0 }];
        let fit = LogLinear::fit(&data, &ridge, 1.0, None);
        let mean = fit.mean(&row(&[1.0, 50.0]));
        assert!(mean.is_finite() && mean < 0.05, "{mean}");
        assert!(fit.relative_variance(&row(&[1.0, 50.0])).is_finite());
    }
}
