//! The words of members about duties, by the names that they have here.

pub use edgecoder_protocol::wire::{
    DutyAnswer as Answer, DutyAsk as Ask, DutyTell as Tell, Willing,
};
