#![no_main]

scoreline_fuzz::target!(doors::topics());
