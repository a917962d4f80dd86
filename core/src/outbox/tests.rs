//! The whole way from `post` to a receipt, on a clock that moves only when told to, a server of our own mood and disks that
//! fail. In every test the books balance at every look.

mod batching;
mod clocks;
mod disks;
mod hosts;
mod kit;
mod outage;
mod slow;
mod statuses;
mod truth;
