// Stan's NUTS with a dense mass matrix over one compiled model, draws as raw doubles.
//   nuts sample  data.json draws.bin seed chains warmup draws
//   nuts density data.json point.json
// Compiled against the headers that the httpstan wheel carries: CmdStan itself is on no
// package index, and pystan offers neither the dense matrix nor draws without JSON.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <stan/callbacks/interrupt.hpp>
#include <stan/callbacks/logger.hpp>
#include <stan/callbacks/writer.hpp>
#include <stan/io/empty_var_context.hpp>
#include <stan/io/json/json_data.hpp>
#include <stan/model/model_base.hpp>
#include <stan/services/sample/hmc_nuts_dense_e_adapt.hpp>

// Defined by the C++ file that stanc makes of a model.
stan::model::model_base &new_model(stan::io::var_context &data, unsigned int seed,
                                   std::ostream *messages);

struct DrawWriter : stan::callbacks::writer {
  std::FILE *file;
  std::ofstream names;
  explicit DrawWriter(const std::string &path)
      : file(std::fopen(path.c_str(), "wb")), names(path + ".names") {}
  ~DrawWriter() { std::fclose(file); }
  void operator()(const std::vector<std::string> &columns) override {
    names.seekp(0);
    for (const auto &column : columns) names << column << "\n";
  }
  void operator()(const std::vector<double> &draw) override {
    std::fwrite(draw.data(), sizeof(double), draw.size(), file);
  }
};

stan::json::json_data read(const std::string &path) {
  std::ifstream stream(path);
  return stan::json::json_data(stream);
}

int sample(stan::model::model_base &model, char **arguments) {
  DrawWriter draws(arguments[0]);
  const unsigned int seed = std::stoi(arguments[1]);
  const int chains = std::stoi(arguments[2]);
  const int warmup = std::stoi(arguments[3]);
  const int kept = std::stoi(arguments[4]);
  stan::io::empty_var_context init;
  stan::callbacks::interrupt interrupt;
  stan::callbacks::logger logger;
  stan::callbacks::writer silent;
  for (int chain = 1; chain <= chains; ++chain) {
    // CmdStan's defaults.
    const int status = stan::services::sample::hmc_nuts_dense_e_adapt(
        model, init, seed, chain, /*init_radius=*/2.0, warmup, kept, /*thin=*/1,
        /*save_warmup=*/false, /*refresh=*/0, /*stepsize=*/1.0, /*jitter=*/0.0,
        /*max_depth=*/10, /*delta=*/0.8, /*gamma=*/0.05, /*kappa=*/0.75, /*t0=*/10.0,
        /*init_buffer=*/75, /*term_buffer=*/50, /*window=*/25, interrupt, logger,
        silent, draws, silent);
    if (status != 0) return status;
  }
  return 0;
}

int density(stan::model::model_base &model, char **arguments) {
  stan::json::json_data point = read(arguments[0]);
  std::vector<int> integers;
  std::vector<double> position;
  model.transform_inits(point, integers, position, &std::cerr);
  std::printf("%.17g\n", model.log_prob(position, integers, &std::cerr));
  return 0;
}

int main(int, char **arguments) {
  stan::json::json_data data = read(arguments[2]);
  stan::model::model_base &model = new_model(data, 0, &std::cerr);
  return std::string(arguments[1]) == "sample" ? sample(model, arguments + 3)
                                               : density(model, arguments + 3);
}
