#![no_main]

scoreline_fuzz::target!(doors::tokens());
