// The model, laid out for Stan: whole matrices, so that stanc --O1 keeps values and
// adjoints in plain arrays.
data {
  int<lower=1> n_families;
  int<lower=1> n_runs;
  int<lower=1> n_points;
  int<lower=1> n_cells;
  matrix[n_cells, n_families] y;
  matrix[n_cells, n_families] variance;
  matrix[n_runs, n_families] x_p;
  vector[n_points] x_N;
  vector[n_points] x_D;
  array[n_cells] int<lower=1> point_of_cell;
  array[n_cells] int<lower=1> run_of_cell;
  vector[6] loc;
  vector[6] scale;
  vector[6] sd_loc;
}
parameters {
  vector[6] means;
  vector<lower=0>[6] sds;
  vector[n_families] level;
  vector[n_families] odds_N;
  vector[n_families] odds_D;
  vector[n_families] slope_N;
  vector[n_families] slope_D;
  vector[n_families] log_gamma;
  vector<lower=0>[n_families] sigma;
  real<lower=0> run_sd;
  real<lower=0> nu;
  vector[n_runs] run_effect;
}
model {
  vector[n_families] at_reference = log1p(exp(odds_N) + exp(odds_D));
  vector[n_families] log_alpha = slope_N - odds_N + at_reference;
  vector[n_families] log_beta = slope_D - odds_D + at_reference;
  means ~ normal(loc, scale);
  sds ~ lognormal(sd_loc, 0.5);
  level ~ normal(means[1], sds[1]);
  odds_N ~ normal(means[2], sds[2]);
  odds_D ~ normal(means[3], sds[3]);
  log_alpha ~ normal(means[4], sds[4]);
  log_beta ~ normal(means[5], sds[5]);
  log_gamma ~ normal(means[6], sds[6]);
  sigma ~ lognormal(log(0.01), 0.7);
  run_sd ~ lognormal(log(0.01), 0.7);
  nu ~ gamma(2, 0.1);
  run_effect ~ normal(0, run_sd);
  {
    row_vector[n_families] alpha = exp(log_alpha)';
    row_vector[n_families] beta = exp(log_beta)';
    row_vector[n_families] gamma = exp(log_gamma)';
    matrix[n_points, n_families] curve
      = rep_matrix((level - at_reference)', n_points)
        + log1p(exp(rep_matrix(odds_N', n_points) - x_N * alpha)
                + exp(rep_matrix(odds_D', n_points) - x_D * beta));
    matrix[n_runs, n_families] shift
      = rep_matrix(run_effect, n_families) - x_p .* rep_matrix(gamma, n_runs);
    matrix[n_cells, n_families] mu = curve[point_of_cell, ] + shift[run_of_cell, ];
    matrix[n_cells, n_families] total
      = variance + rep_matrix(square(sigma)', n_cells);
    to_vector(y) ~ student_t(nu, to_vector(mu), to_vector(sqrt(total)));
  }
}
