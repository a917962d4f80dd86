//! The promises of the spool, each under the fault that would break it. Beside each test stands the sabotage that was seen to
//! turn it red.

mod adoption;
mod damage;
mod failures;
mod folds;
mod power;
mod scene;
