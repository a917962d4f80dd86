//! What is recorded is delivered, once, whatever happens to the process.

mod faults;
mod fickle;
mod processes;
mod reading;
mod recorder;
