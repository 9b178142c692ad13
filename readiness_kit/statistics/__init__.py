"""Pure statistics: histograms, quantiles and how sure one can be of them."""
