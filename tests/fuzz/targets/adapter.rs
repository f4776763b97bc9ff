#![no_main]

scoreline_fuzz::target!(adapters::named());
