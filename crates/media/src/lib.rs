#![doc = include_str!("../README.md")]

mod animation;
mod detect;
mod fetcher;
mod file_name;
mod loudness;
mod mp4;
mod picture;
mod sound;
mod sticker;
mod toolbox;

pub use fetcher::HttpMediaFetcher;
pub use toolbox::MediaToolbox;
