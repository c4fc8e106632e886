//! Arrow schemas of the datasets.
